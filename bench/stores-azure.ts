/**
 * Azure Blob Storage by its SDK alone, and Key Vault by its own. The other end is an Azurite that is started here, and our double of Key Vault: both
 * answer in a millisecond, where Azure takes ten, so the ratio is the worst there is.
 * @module
 */
import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { ContainerClient } from "@azure/storage-blob";
import { azureBlobBackend } from "ashlar/backends/azure-blob";
import { sealedStore } from "ashlar/stores/sealed";
import { azureKeyVault } from "ashlar/vaults/azure-key-vault";
import { generateKey, keyring } from "ashlar/vaults/keyring";
import { sodiumVault } from "ashlar/vaults/sodium";
import { startAzurite } from "../test/azurite.ts";
import { KeyVaultDouble } from "../test/doubles/key-vault.ts";
import { type BareRecord, BareSeal } from "./bare.ts";
import { alternate, type Figure } from "./measure.ts";
import { Account, accountInput, bareAccount } from "./sample.ts";
import type { Bare, BareDocument, Place } from "./store-figures.ts";

const AT_ONCE = 32;
const NEW = { conditions: { ifNoneMatch: "*" } };

async function contentOf(container: ContainerClient, name: string): Promise<{ content: string; sealed: string; child?: string }> {
  const { readableStreamBody } = await container.getBlockBlobClient(name).download();
  return JSON.parse(readableStreamBody ? await text(readableStreamBody) : "");
}

/** Blobs as the store has them, and the same calls. */
class BareBlobs implements Bare {
  readonly #container: ContainerClient;
  readonly #seal = new BareSeal();

  constructor(container: ContainerClient) {
    this.#container = container;
  }

  /** The id is announced, then the document written. */
  async insert({ type, name, body, secrets, child }: BareDocument): Promise<string> {
    const [content, place] = [JSON.stringify(body), `document/${type}!${name}`];
    const whole = JSON.stringify({ content, sealed: this.#seal.seal(content, JSON.stringify(secrets)), child });
    await this.#container.getBlockBlobClient(`ids/${randomUUID()}`).upload("", 0, { ...NEW, metadata: { place } });
    await this.#container.getBlockBlobClient(`records/${place}`).upload(whole, Buffer.byteLength(whole), NEW);
    return place;
  }

  /** The SDK throws where there is none. */
  async has(type: string, name: string): Promise<boolean> {
    for (const kind of ["document", "anonymous"]) {
      const found = contentOf(this.#container, `records/${kind}/${type}!${name}`).then(
        () => true,
        () => false,
      );
      if (await found) return true;
    }
    return false;
  }

  async graph(type: string, name: string): Promise<BareRecord[]> {
    const found: BareRecord[] = [];
    for (let place: string | undefined = `document/${type}!${name}`; place !== undefined; ) {
      const { content, sealed, child } = await contentOf(this.#container, `records/${place}`);
      found.push({ body: JSON.parse(content), secrets: JSON.parse(this.#seal.open(content, sealed)) });
      place = child;
    }
    return found;
  }

  async list(type: string): Promise<unknown[]> {
    const names: string[] = [];
    for await (const { segment } of this.#container.listBlobsFlat({ prefix: `records/document/${type}!` }).byPage({ maxPageSize: 5000 }))
      names.push(...segment.blobItems.map(({ name }) => name));
    const all: unknown[] = [];
    const reader = async () => {
      for (let name = names.pop(); name !== undefined; name = names.pop())
        all.push(JSON.parse((await contentOf(this.#container, name)).content));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, reader));
    return all;
  }
}

export const azureBlob: Place = {
  name: "azure-blob",
  driver: "the SDK",
  ratio: 1.3,
  batch: 2,
  lists: 2,
  async with(measure) {
    const azurite = await startAzurite();
    try {
      const [container, beside] = ["store", "beside"].map((name) => new ContainerClient(azurite.connectionString, name)) as [
        ContainerClient,
        ContainerClient,
      ];
      const backend = await azureBlobBackend({ container, create: true });
      await beside.create();
      const store = sealedStore({ backend, vault: await sodiumVault(keyring([generateKey()], "a benchmark")) });
      return await measure(store, new BareBlobs(beside));
    } finally {
      await azurite.stop();
    }
  },
};

const { token: _sealed, ...publicAccount } = accountInput;

export const loadKeyVault: Figure = {
  name: "load.key-vault",
  about: "a block in Blob Storage whose secret is in Key Vault; floor: the SDKs' download and getSecret, 2 JSON.parse, 1 zod parse",
  unit: "µs",
  goal: { ratio: 1.3 },
  async measure(scaled) {
    const [azurite, double] = await Promise.all([startAzurite(), KeyVaultDouble.start()]);
    try {
      const container = new ContainerClient(azurite.connectionString, "store");
      const backend = await azureBlobBackend({ container, create: true });
      const store = sealedStore({ backend, vault: await azureKeyVault({ vault: double.client(), store: backend }) });
      const { document } = await new Account(accountInput).save("main", { store });
      const client = double.client();
      const floor = async () => {
        const { sealed } = await contentOf(container, `records/document/${Account.slug}!main`);
        const version = sealed.split(".")[2];
        const { value = "" } = await client.getSecret(`ashlar-${document?.id}`, version === undefined ? {} : { version });
        return bareAccount.parse({ ...publicAccount, token: JSON.parse(value).secrets["/token"] });
      };
      return await alternate({ ours: () => Account.load("main", { store }), floor }, scaled(300), scaled(2));
    } finally {
      await Promise.all([azurite.stop(), double.stop()]);
    }
  },
};
