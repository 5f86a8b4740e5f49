/**
 * `ashlar init`: a store and a key to seal it with. The only place of the project where a key is made unasked for by name.
 *
 * JSON: `{"store":{"url","created"},"key":{"source","path","id","created"}}`; `path` is null where the key is in no file, `id` null for a passphrase.
 * @module
 */
import { setTimeout as wait } from "node:timers/promises";
import { openStore } from "../current-store.ts";
import { AshlarError, isAshlarError } from "../errors.ts";
import { isPrefectUrl } from "../prefect/url.ts";
import { keySourcesOf, splitVault } from "../stores/open.ts";
import type { Store } from "../stores/store.ts";
import { writeKeyFile } from "../vaults/key-file.ts";
import { findKeyring, generateKey, type KeySources, readKeyFile } from "../vaults/keyring.ts";
import { isBehindServer, SERVER_HAS_KEYS } from "./keys.ts";
import { paint, pairs, plain, print } from "./output.ts";
import type { Session } from "./session.ts";

interface FoundKey {
  readonly source: string;
  readonly path: string | null;
  readonly id: string | null;
  readonly created: boolean;
}

/** Makes what is not there yet, and says where both lie. */
export async function init(session: Session, _given: readonly string[], options: { passphrase?: boolean }): Promise<void> {
  if (session.url.startsWith("memory:"))
    throw new AshlarError(
      "ERR_INVALID",
      "A store of memory ends with its process and needs no init: give --store sqlite:PATH, or nothing.",
    );
  if (isPrefectUrl(session.url))
    throw new AshlarError(
      "ERR_INVALID",
      'A Prefect server needs no init: "ashlar doctor" says whether it can be used, "ashlar register" goes on.',
    );
  if (isBehindServer(session.url)) throw new AshlarError("ERR_INVALID", SERVER_HAS_KEYS);
  const existing = await openExisting(session.url);
  try {
    const { vault } = splitVault(session.url);
    const passphraseWanted = options.passphrase === true;
    const key = vault === undefined ? await ownKey(session.url, existing, passphraseWanted) : keptBy(vault, passphraseWanted);
    const store = existing ?? (await makeStore(session.url, key));
    await store.close();
    const result = { store: { url: store.url, created: existing === null }, key };
    print(session, result, () => (vault === undefined ? report(result) : reportKept(result)));
  } finally {
    await existing?.close();
  }
}

const TRIES = 10;
const PAUSE_MS = 50;

/** A file that is no store may be one that another init is just making. */
async function openExisting(url: string): Promise<Store | null> {
  for (let tried = 1; ; tried++) {
    try {
      return await openStore(url);
    } catch (error) {
      if (isAshlarError(error, "ERR_NO_STORE")) return null;
      if (!isAshlarError(error, "ERR_CANNOT_OPEN") || tried === TRIES) throw error;
      await wait(PAUSE_MS);
    }
  }
}

/** Where the store cannot be made, a key that was made for it stays: another process may have taken it up already. */
async function makeStore(url: string, key: FoundKey): Promise<Store> {
  try {
    return await openStore(url, { create: true });
  } catch (error) {
    if (!key.created || !isAshlarError(error)) throw error;
    throw new AshlarError(
      error.code,
      `${error.message} A key was made before, in ${key.path}: it stays there, for the next init.`,
      error.details,
    );
  }
}

/** Where a Key Vault keeps the secrets there is no key of ours. */
function keptBy(vault: string, passphraseWanted: boolean): FoundKey {
  if (!passphraseWanted) return { source: vault, path: null, id: null, created: false };
  throw new AshlarError("ERR_INVALID", `The secrets are kept by ${vault}, which has keys of its own: leave out --passphrase.`);
}

async function ownKey(url: string, existing: Store | null, passphraseWanted: boolean): Promise<FoundKey> {
  const sources = await keySourcesOf(url);
  return (await keyAtHand(sources, passphraseWanted)) ?? (await newKey(sources, existing));
}

/** The key that the store's users would find, looked for as they do; null when there is none. */
async function keyAtHand({ keyFile, dataFolder }: KeySources, passphraseWanted: boolean): Promise<FoundKey | null> {
  const { ASHLAR_KEYS, ASHLAR_PASSPHRASE } = process.env;
  const ring = ASHLAR_KEYS ? await findKeyring({ keyFile, storeId: "", environment: { ASHLAR_KEYS } }) : readKeyFile(keyFile, dataFolder);
  if (ring && passphraseWanted)
    throw new AshlarError("ERR_INVALID", `Keys in ${ring.source} go before a passphrase: take them away first, or leave out --passphrase.`);
  if (ring) return { source: ring.source, path: ASHLAR_KEYS ? null : keyFile, id: ring.primary.id, created: false };
  if (ASHLAR_PASSPHRASE) return { source: "the passphrase in ASHLAR_PASSPHRASE", path: null, id: null, created: false };
  if (!passphraseWanted) return null;
  throw new AshlarError(
    "ERR_NO_KEY",
    "ASHLAR_PASSPHRASE is not set. Set it to a long passphrase, here and wherever the store is opened; it is never taken from the arguments.",
  );
}

/** Makes a key file, unless the store was sealed with another key: a new one would only hide that the right one is missing. */
async function newKey({ keyFile, dataFolder }: KeySources, existing: Store | null): Promise<FoundKey> {
  if (existing && (await holdsRecords(existing)))
    throw new AshlarError(
      "ERR_NO_KEY",
      `${existing.url} holds records that were sealed with a key, and no key is found. A new key could not open them: bring the old one back, as the file ${keyFile} or in ASHLAR_KEYS, or set ASHLAR_PASSPHRASE. To begin anew, name another place with --store.`,
      { store: existing.url },
    );
  const key = generateKey();
  const found = { source: `the key file ${keyFile}`, path: keyFile };
  try {
    writeKeyFile(keyFile, [key], dataFolder);
    return { ...found, id: key.id, created: true };
  } catch (error) {
    const theirs = isAshlarError(error, "ERR_EXISTS") ? readKeyFile(keyFile, dataFolder) : null; // another init was faster
    if (!theirs) throw error;
    return { ...found, id: theirs.primary.id, created: false };
  }
}

async function holdsRecords(store: Store): Promise<boolean> {
  return (await store.types()).length > 0 || (await store.list({ limit: 1 })).length > 0;
}

interface Made {
  readonly store: { readonly url: string; readonly created: boolean };
  readonly key: FoundKey;
}

const NEXT = `Next: ${paint("bold", "ashlar register FILE")}, with a file that exports block classes.`;

function state(created: boolean): string {
  return created ? paint("green", "created") : "there already, left as it is";
}

function reportKept({ store, key }: Made): string[] {
  const places: [string, string][] = [
    ["Store", `${plain(store.url)}, ${state(store.created)}`],
    ["Secrets", `kept by ${plain(key.source)}`],
  ];
  return [...pairs(places), ...(store.created ? ["", NEXT] : ["Nothing was changed."])];
}

function report({ store, key }: Made): string[] {
  const id = key.id === null ? "" : `, id ${key.id}`;
  const places: [string, string][] = [
    ["Store", `${plain(store.url)}, ${state(store.created)}`],
    ["Key", `${plain(key.path ?? key.source)}${id}, ${state(key.created)}`],
  ];
  if (!store.created && !key.created) return [...pairs(places), "Nothing was changed."];
  const keep = key.path === null ? "Keep it where you keep passwords" : "Keep a copy of that file, apart from the store's";
  return [
    ...pairs(places),
    "",
    "Everything in the store is sealed with this key. If it is lost, nobody can read the secrets again.",
    `${keep}.`,
    "",
    NEXT,
  ];
}
