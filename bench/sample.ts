/**
 * What the figures measure with: block classes, the same fields as bare zod objects, and folders with a store and a key in them.
 * @module
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Block, openStore, type Store, secret } from "ashlar";
import { generateKey, keyText } from "ashlar/vaults/keyring";
import { z } from "zod";
import type { BareRecord } from "./bare.ts";

const account = { user: z.string(), token: secret(), retries: z.int().default(3) };
const service = { host: z.string(), port: z.int().default(443), region: z.string().optional(), password: secret() };

export class Account extends Block.define({ name: "Bench Account", fields: account }) {}
export class Service extends Block.define({ name: "Bench Service", fields: { ...service, account: Account } }) {}

/** The fields of {@link Account} and nothing around them. */
export const bareAccount = z.strictObject(account);
/** The fields of {@link Service} with those of its account. */
export const bareService = z.strictObject({ ...service, account: bareAccount });

export const accountInput = { user: "etl", token: "bench-token-0123456789abcdef", retries: 5 };
export const serviceInput = { host: "db.example.org", port: 5432, region: "westeurope", password: "bench-password-0123456789" };

/** Saves a service and its account, each a document of its own. */
export async function saveService(store: Store): Promise<void> {
  const saved = await new Account(accountInput).save("main", { store });
  await new Service({ ...serviceInput, account: saved }).save("main", { store });
}

/** What a store holds of a document, as a bare record of the same size. */
export async function bareRecord(store: Store, type: string, name: string, secrets: Record<string, unknown>): Promise<BareRecord> {
  return { body: { ...(await store.inspect({ type, name })) }, secrets };
}

/** An empty folder inside the repository, from where packages are found; `.cache` is not committed. */
export function makeFolder(): string {
  const cache = join(import.meta.dirname, "../.cache");
  mkdirSync(cache, { recursive: true });
  return mkdtempSync(join(cache, "bench-"));
}

/** Runs with such a folder, then removes it. */
export async function inFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = makeFolder();
  try {
    return await run(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs with a new SQLite store, the folder that it lies in and its key; then removes them. */
export function withSqlite<T>(run: (store: Store, folder: string, key: string) => Promise<T>): Promise<T> {
  return inFolder(async (folder) => {
    const key = keyText(generateKey());
    const store = await openStore(`sqlite:${join(folder, "ashlar.db")}`, { create: true, keys: [key] });
    try {
      return await run(store, folder, key);
    } finally {
      await store.close();
    }
  });
}
