/**
 * Bits of a document's blob, and of its secret in Key Vault, flipped: the identical value or a typed error, never another value or an absence. Every
 * bit in CI, every 17th elsewhere.
 */
import { randomUUID } from "node:crypto";
import { type BlockBlobClient, ContainerClient } from "@azure/storage-blob";
import { afterAll, describe, expect, it, vi } from "vitest";
import { azureBlobBackend } from "../../src/backends/azure-blob.ts";
import { isAshlarError, type Store } from "../../src/index.ts";
import { canonicalJson } from "../../src/json.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { at, part, register, revealed } from "../../src/testing/store-subject.ts";
import { azureKeyVault } from "../../src/vaults/azure-key-vault.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import type { Vault } from "../../src/vaults/vault.ts";
import { startAzurite } from "../azurite.ts";
import { KeyVaultDouble } from "../doubles/key-vault.ts";

vi.setConfig({ testTimeout: 600_000 });

const STEP = process.env.CI ? 1 : 17;
const [azurite, double] = await Promise.all([startAzurite(), KeyVaultDouble.start()]);
afterAll(async () => void (await Promise.all([azurite.stop(), double.stop()])));

/** A store with one document; `vault` makes its vault. */
async function stored(vaultFor: (store: { url: string; storeId(): Promise<string> }) => Promise<Vault>) {
  const client = new ContainerClient(azurite.connectionString, randomUUID());
  const backend = await azureBlobBackend({ container: client, create: true });
  const vault = await vaultFor(backend);
  const store = sealedStore({ backend, vault });
  await register(store);
  const { id } = await store.save(part("one"));
  return {
    store,
    backend,
    vault,
    id,
    blob: client.getBlockBlobClient("records/document/part!one"),
    index: client.getBlockBlobClient(`ids/${id}`),
  };
}
const sodium = () => sodiumVault(keyring([generateKey()], "a test"));

/** What the document is, or why that cannot be told. */
async function seen(store: Store, key: Parameters<Store["load"]>[0]): Promise<string> {
  try {
    return canonicalJson((await store.load(key)).map((document) => ({ ...document, secrets: revealed(document) })));
  } catch (error) {
    return isAshlarError(error) ? error.code : String(error);
  }
}

/** Each answer to a document whose bytes were changed, and how often. */
async function flipped(
  bytes: Buffer,
  write: (changed: Buffer) => Promise<unknown>,
  see: () => Promise<string>,
): Promise<Map<string, number>> {
  const answers = new Map<string, number>();
  for (let bit = 0; bit < bytes.length * 8; bit += STEP) {
    const changed = Buffer.from(bytes);
    changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
    await write(changed);
    const answer = await see();
    answers.set(answer, (answers.get(answer) ?? 0) + 1);
  }
  await write(bytes);
  return answers;
}

async function rewriter(blob: BlockBlobClient) {
  const { metadata = {} } = await blob.getProperties();
  return { bytes: await blob.downloadToBuffer(), write: (body: Buffer) => blob.upload(body, body.length, { metadata }) };
}

const FITTING = new Set(["ERR_CANNOT_OPEN", "ERR_UNKNOWN_KEY", "ERR_UNSUPPORTED"]);

describe("one bit flipped", () => {
  it("in a blob: noticed, each", async () => {
    for (const vaultFor of [
      sodium,
      (store: Parameters<Parameters<typeof stored>[0]>[0]) => azureKeyVault({ vault: double.client(), store }),
    ]) {
      const { store, blob } = await stored(vaultFor);
      const before = await seen(store, at("one"));
      const { bytes, write } = await rewriter(blob);
      const answers = await flipped(bytes, write, () => seen(store, at("one")));
      expect([...answers.keys()].filter((answer) => !FITTING.has(answer))).toEqual([]);
      expect(answers.get("ERR_CANNOT_OPEN")).toBeGreaterThan((bytes.length * 8) / STEP / 2);
      expect(await seen(store, at("one"))).toBe(before);
    }
  });

  it("in a value of Key Vault: noticed, each", async () => {
    const { store, backend, id } = await stored((each) => azureKeyVault({ vault: double.client(), store: each }));
    const client = double.client();
    const kept = await backend.get({ id });
    if (!kept) throw new Error("it is not there");
    const value = (await client.getSecret(`ashlar-${id}`)).value as string;
    const write = async (changed: Buffer) => {
      const { properties } = await client.setSecret(`ashlar-${id}`, changed.toString("latin1"));
      await backend.put({ ...kept, sealed: `azure1.ashlar-${id}.${properties.version}` }, kept.revision);
    };
    const answers = await flipped(Buffer.from(value), write, () => seen(store, at("one")));
    // The secrets themselves are Key Vault's to keep: who may write there may write any, and only what is bound to the record is noticed.
    const bits = (value.indexOf('","secrets"') * 8) / STEP;
    expect(answers.get("ERR_CANNOT_OPEN")).toBeGreaterThanOrEqual(Math.floor(bits * 0.9));
    expect(answers.has("ERR_NOT_FOUND")).toBe(false);
  });

  it("in metadata: no document is another one for it, and doctor finds what cannot be found any more", async () => {
    const { store, blob, index, id } = await stored(sodium);
    const before = await seen(store, at("one"));
    const { metadata = {} } = await blob.getProperties();
    for (const key of Object.keys(metadata))
      for (const value of ["x", "none", "document/part!two", "0"]) {
        await blob.setMetadata({ ...metadata, [key]: value });
        expect(await seen(store, at("one"))).toBe(before);
      }
    await blob.setMetadata(metadata);
    await index.setMetadata({ place: "document/part!two" });
    const findings = (await store.maintenance?.check()) ?? [];
    expect(findings.map(({ message }) => message)).toEqual([expect.stringMatching(/part!one cannot be found by the id/)]);
    expect(await seen(store, { id })).toBe(before); // known to this process
  });

  it("the examination itself: where the vault binds nothing it finds other values", async () => {
    const held = new Map<string, string>();
    const careless: Vault = {
      seal: (secrets) => `t${held.set(`t${held.size}`, JSON.stringify(secrets)).size - 1}`,
      open: (token) => JSON.parse(held.get(token) ?? "{}"),
      discard: () => {},
      keyOf: () => "",
      sealingKey: () => "",
      close: async () => {},
    };
    const { store, blob } = await stored(async () => careless);
    const before = await seen(store, at("one"));
    const { bytes, write } = await rewriter(blob);
    const answers = await flipped(bytes, write, () => seen(store, at("one")));
    expect([...answers.keys()].filter((answer) => answer !== before && !FITTING.has(answer)).length).toBeGreaterThan(10);
  });
});
