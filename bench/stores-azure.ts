#!/usr/bin/env node
/**
 * A store in Azure Blob Storage beside the bare SDK doing the same calls on blobs of the same form: `load.azure`, `save.azure`, `list.10k.azure`,
 * `names.10k.azure`, `depth.10.azure`; `load.key-vault` with the secrets in Key Vault. Alone: `node bench/stores-azure.ts [NAME…]`. The other end is an
 * Azurite that is started here, and our double of Key Vault: both answer in a millisecond, where Azure takes ten, so the ratio is the worst there is.
 * @module
 */
import { randomUUID } from "node:crypto";
import { text } from "node:stream/consumers";
import { ContainerClient } from "@azure/storage-blob";
import { Block, type Store } from "ashlar";
import { azureBlobBackend } from "ashlar/backends/azure-blob";
import type { Backend, StoredRecord } from "ashlar/backends/backend";
import { sealedStore } from "ashlar/stores/sealed";
import { azureKeyVault } from "ashlar/vaults/azure-key-vault";
import { generateKey, keyring } from "ashlar/vaults/keyring";
import { sodiumVault } from "ashlar/vaults/sodium";
import { startAzurite } from "../test/azurite.ts";
import { KeyVaultDouble } from "../test/doubles/key-vault.ts";
import { type BareRecord, BareSeal } from "./bare.ts";
import { bareLink, chainClasses } from "./many.ts";
import { alternate, type Figure, isMet, type Measured, type Pair, rowOf } from "./measure.ts";
import { Account, accountInput, bareAccount, bareRecord, bareService, Service, saveService, serviceInput } from "./sample.ts";

const AT_ONCE = 32;
const NEW = { conditions: { ifNoneMatch: "*" } };

/** What cannot be done without: blobs as the store has them, the same calls by the SDK alone, and a sealed half opened with commitment. */
class Bare {
  readonly #container: ContainerClient;
  readonly #seal = new BareSeal();

  constructor(container: ContainerClient) {
    this.#container = container;
  }

  /** The id is announced, then the document written. */
  async insert(place: string, { body, secrets }: BareRecord): Promise<void> {
    const content = JSON.stringify(body);
    const whole = JSON.stringify({ content, sealed: this.#seal.seal(content, JSON.stringify(secrets)) });
    await this.#container.getBlockBlobClient(`ids/${randomUUID()}`).upload("", 0, { ...NEW, metadata: { place } });
    await this.#container.getBlockBlobClient(`records/${place}`).upload(whole, Buffer.byteLength(whole), NEW);
  }

  /** Whether there is one; the SDK throws where there is none. */
  async has(place: string): Promise<boolean> {
    return this.#read(place).then(
      () => true,
      () => false,
    );
  }

  async load(place: string): Promise<BareRecord> {
    const { content, sealed } = await this.#read(place);
    return { body: JSON.parse(content), secrets: JSON.parse(this.#seal.open(content, sealed)) };
  }

  async #read(place: string): Promise<{ content: string; sealed: string }> {
    const { readableStreamBody } = await this.#container.getBlockBlobClient(`records/${place}`).download();
    return JSON.parse(readableStreamBody ? await text(readableStreamBody) : "");
  }
}

/** The names of a type's blobs, by the SDK alone. */
async function listed(container: ContainerClient, type: string): Promise<string[]> {
  const found: string[] = [];
  for await (const page of container.listBlobsFlat({ prefix: `records/document/${type}!` }).byPage({ maxPageSize: 5000 }))
    found.push(...page.segment.blobItems.map(({ name }) => name));
  return found;
}

/** All that lies in a type's blobs. */
async function downloaded(container: ContainerClient, type: string): Promise<unknown[]> {
  const names = await listed(container, type);
  const all: unknown[] = [];
  const reader = async () => {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const { readableStreamBody } = await container.getBlockBlobClient(name).download();
      all.push(JSON.parse(readableStreamBody ? await text(readableStreamBody) : ""));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, reader));
  return all;
}

/** What a figure measures with. */
interface Subject {
  readonly store: Store;
  readonly backend: Backend;
  /** The store's container. */
  readonly container: ContainerClient;
  /** Another one. */
  readonly bare: Bare;
}

/** Measures with a new store in a container, and another container beside it. */
async function withAzurite(measure: (subject: Subject) => Promise<Measured>): Promise<Measured> {
  const azurite = await startAzurite();
  try {
    const [container, beside] = ["store", "beside"].map((name) => new ContainerClient(azurite.connectionString, name)) as [
      ContainerClient,
      ContainerClient,
    ];
    const backend = await azureBlobBackend({ container, create: true });
    await beside.create();
    const store = sealedStore({ backend, vault: await sodiumVault(keyring([generateKey()], "a benchmark")) });
    return await measure({ store, backend, container, bare: new Bare(beside) });
  } finally {
    await azurite.stop();
  }
}

const { token, ...publicAccount } = accountInput;
const { password, ...publicService } = serviceInput;

/** Measures with as many accounts. */
function withAccounts(count: number, runs: number, pair: (subject: Subject) => Pair): Promise<Measured> {
  return withAzurite(async (subject) => {
    const { store, backend } = subject;
    await new Account(accountInput).save("account", { store }); // which registers the class
    const [kept] = await backend.list({ kind: "document", limit: 1 });
    const copy = (index: number) => ({ ...(kept as StoredRecord), id: randomUUID(), name: `account-${index}` }); // lists open no seal
    for (let index = 1; index < count; index += 10)
      await Promise.all(Array.from({ length: Math.min(10, count - index) }, (_, more) => backend.put(copy(index + more), null)));
    return alternate(pair(subject), runs, 1);
  });
}

const loadAzure: Figure = {
  name: "load.azure",
  about: "a block and the one it refers to, 2 secrets; floor: the SDK's 2 downloads, 2 JSON.parse, 2 opens with commitment, 1 zod parse",
  unit: "µs",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withAzurite(async ({ store, bare }) => {
      await saveService(store);
      await bare.insert("document/account!main", await bareRecord(store, Account.slug, "main", { token }));
      await bare.insert("document/service!main", await bareRecord(store, Service.slug, "main", { password }));
      const floor = async () => {
        const service = await bare.load("document/service!main");
        const account = await bare.load("document/account!main");
        return bareService.parse({ ...publicService, ...service.secrets, account: { ...publicAccount, ...account.secrets } });
      };
      return alternate({ ours: () => Service.load("main", { store }), floor }, scaled(300), scaled(3));
    }),
};

const saveAzure: Figure = {
  name: "save.azure",
  about: "a new block with a secret; floor: the SDK's look for the name among documents with and without one, and 2 conditional uploads",
  unit: "µs",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withAzurite(async ({ store, bare }) => {
      await saveService(store);
      const record = await bareRecord(store, Account.slug, "main", { token });
      let count = 0;
      const ours = () => new Account(accountInput).save(`account-${count++}`, { store });
      const floor = async () => {
        const name = `account-${count++}`;
        for (const kind of ["document", "anonymous"]) if (await bare.has(`${kind}/account!${name}`)) throw new Error("it is taken");
        await bare.insert(`document/account!${name}`, record);
      };
      return alternate({ ours, floor }, scaled(200), scaled(2));
    }),
};

const list10kAzure: Figure = {
  name: "list.10k.azure",
  about: "10,000 documents, masked; floor: the SDK's listing and 10,000 downloads, 32 at a time, and JSON.parse of each",
  unit: "ms",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withAccounts(scaled(10_000), scaled(5), ({ store, container }) => ({
      ours: () => store.list({ type: Account.slug, limit: 10_000 }),
      floor: () => downloaded(container, Account.slug),
    })),
};

const names10kAzure: Figure = {
  name: "names.10k.azure",
  about: "the names of 10,000 documents; floor: the SDK's listing of them",
  unit: "ms",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withAccounts(scaled(10_000), scaled(5), ({ store, container }) => ({
      ours: () => Account.names({ store }),
      floor: () => listed(container, Account.slug),
    })),
};

const depth10Azure: Figure = {
  name: "depth.10.azure",
  about: "10 blocks, each referring to the next, a secret each; floor: the SDK's 10 downloads, JSON.parse, opens and zod parses",
  unit: "µs",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withAzurite(async ({ store, bare }) => {
      const classes = chainClasses(10);
      const label = "a label";
      let [next, type]: [Block | undefined, string] = [undefined, ""];
      for (const [index, Link] of classes.entries()) {
        next = await (new Link({ label, token, ...(next ? { next } : {}) }) as Block).save("main", { store });
        type = next.document?.type ?? "";
        await bare.insert(`document/link-${index}!main`, await bareRecord(store, type, "main", { token }));
      }
      const floor = async () => {
        for (const index of classes.keys()) bareLink.parse({ label, ...(await bare.load(`document/link-${index}!main`)).secrets });
      };
      return alternate({ ours: () => Block.load(`${type}/main`, { store, classes }), floor }, scaled(100), scaled(2));
    }),
};

const loadKeyVault: Figure = {
  name: "load.key-vault",
  about: "a block whose secret is in Key Vault; floor: the SDKs' download and getSecret, 2 JSON.parse, 1 zod parse",
  unit: "µs",
  goal: { ratio: 1.3 },
  async measure(scaled) {
    const [azurite, double] = await Promise.all([startAzurite(), KeyVaultDouble.start()]);
    try {
      const container = new ContainerClient(azurite.connectionString, randomUUID());
      const backend = await azureBlobBackend({ container, create: true });
      const store = sealedStore({ backend, vault: await azureKeyVault({ vault: double.client(), store: backend }) });
      const { document } = await new Account(accountInput).save("main", { store });
      const client = double.client();
      const floor = async () => {
        const { readableStreamBody } = await container.getBlockBlobClient(`records/document/${Account.slug}!main`).download();
        const { sealed } = JSON.parse(readableStreamBody ? await text(readableStreamBody) : "");
        const { value = "" } = await client.getSecret(`ashlar-${document?.id}`, { version: sealed.split(".")[2] });
        return bareAccount.parse({ ...publicAccount, token: JSON.parse(value).secrets["/token"] });
      };
      return await alternate({ ours: () => Account.load("main", { store }), floor }, scaled(300), scaled(3));
    } finally {
      await Promise.all([azurite.stop(), double.stop()]);
    }
  },
};

export const AZURE_FIGURES: readonly Figure[] = [loadAzure, saveAzure, list10kAzure, names10kAzure, depth10Azure, loadKeyVault];

if (import.meta.main) {
  const chosen = process.argv.slice(2);
  for (const figure of AZURE_FIGURES) {
    if (chosen.length > 0 && !chosen.includes(figure.name)) continue;
    const row = rowOf(figure, await figure.measure((count) => count));
    console.log(JSON.stringify({ ...row, met: isMet(figure, row) }));
  }
}
