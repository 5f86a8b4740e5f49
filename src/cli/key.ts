/**
 * `ashlar key …`: which keys seal, a new one, another first one, sealing anew, taking one away. Changes the key file; where keys come from
 * `ASHLAR_KEYS`, or from the Key Vault secret that it names, it changes nothing and prints the new value, the only text of a key that the command
 * line ever shows.
 *
 * JSON: `key ls` `{"source","keys":[{"id","state","records"}]}`, state `primary`, `enabled` or `missing`, `records` null without a store;
 * `key add|promote|remove` `{"id","source","keys":[ids, primary first],"ASHLAR_KEYS"}`, the last one the new value of what `source` names, null
 * where a key file was changed; `key rotate` `{"key","resealed","failed":[{"where","message"}],"interrupted"}`, `key` empty where a Key Vault keeps
 * the secrets.
 * @module
 */
import { AshlarError, nearest } from "../errors.ts";
import { splitVault } from "../stores/open.ts";
import type { Finding, Maintenance } from "../stores/store.ts";
import { changeKeyFile, writeKeyFile } from "../vaults/key-file.ts";
import { generateKey, type Key, type Keyring, keysOf, keyText } from "../vaults/keyring.ts";
import { agreeToDelete } from "./ask.ts";
import { EXIT } from "./failure.ts";
import { findKeys, type Keys, keysInUse, maintenance } from "./keys.ts";
import { paint, plain, print, table } from "./output.ts";
import { progress } from "./progress.ts";
import type { Session } from "./session.ts";

/** Lists the keys of the ring, and those that records need and the ring lacks. */
export async function listKeys(session: Session): Promise<void> {
  const used = await keysInUse(session);
  const { ring } = await findKeys(session, [...(used?.keys() ?? [])]);
  const missing = [...(used?.keys() ?? [])].filter((id) => !ring.get(id));
  const state = (id: string) => (id === ring.primary.id ? "primary" : ring.get(id) ? "enabled" : "missing");
  const keys = [...ring.ids, ...missing].map((id) => ({ id, state: state(id), records: used && (used.get(id) ?? 0) }));
  print(session, { source: ring.source, keys }, () => [
    `Keys from ${plain(ring.source)}${used ? "" : "; there is no store yet"}`,
    "",
    ...table(
      ["KEY", "STATE", "RECORDS"],
      keys.map((key) => [key.id, key.state, key.records === null ? "" : String(key.records)]),
    ),
  ]);
}

/** Makes a key and puts it last, so that every process can have it before it seals. */
export async function addKey(session: Session): Promise<void> {
  const keys = await findKeys(session);
  if (keys.kind === "passphrase")
    throw new AshlarError(
      "ERR_INVALID",
      'The key comes from a passphrase, and there is one passphrase only. "ashlar key rotate --new" makes a key file and seals everything anew; keep ASHLAR_PASSPHRASE set until it is done.',
    );
  const key = generateKey();
  change(session, keys, key.id, "added; it opens, and does not seal yet", (ring) => [...keysOf(ring), key]);
  hint(session, [`Next: when every process that uses the store has it, ashlar key promote ${key.id}`]);
}

/** Makes a key the one that seals. */
export async function promoteKey(session: Session, [id = ""]: readonly string[]): Promise<void> {
  const keys = await findKeys(session);
  change(session, keys, id, "seals from now on", (ring) => promoted(ring, known(keys, ring, id)));
  hint(session, ["Next: ashlar key rotate, which seals with it what older keys sealed."]);
}

/** Takes a key away that nothing needs any more. */
export async function removeKey(session: Session, [id = ""]: readonly string[], options: { yes?: boolean }): Promise<void> {
  const keys = await findKeys(session);
  const without = (ring: Keyring) => {
    const key = known(keys, ring, id);
    if (ring.ids.length === 1) throw new AshlarError("ERR_INVALID", `${id} is the only key: without it nothing could be opened.`);
    if (key === ring.primary)
      throw new AshlarError("ERR_INVALID", `${id} is the key that seals: "ashlar key promote" makes another one that first.`);
    return keysOf(ring).filter((each) => each !== key);
  };
  without(keys.ring);
  const used = (await (await maintenance(session)).keysInUse()).get(id) ?? 0;
  if (used > 0)
    throw new AshlarError(
      "ERR_REFERENCED",
      `${used} ${used === 1 ? "record is" : "records are"} sealed with ${id} in ${session.place}: "ashlar key rotate" seals them anew first.`,
      { keys: [id] },
    );
  if (options.yes !== true) {
    hint(session, ["Other stores may use this key, and copies of this one may still be sealed with it."]);
    await agreeToDelete(`the key ${id}`);
  }
  change(session, keys, id, "removed", without);
}

/** Seals every record anew with the first key; what was begun goes on. */
export async function rotateKeys(session: Session, _given: readonly string[], options: { new?: boolean }): Promise<void> {
  const store = await maintenance(session);
  if (options.new === true) await newPrimary(session, store);
  const { vault } = splitVault(session.url);
  if (vault !== undefined) {
    const none: Rotated = { key: "", resealed: 0, failed: [], interrupted: false };
    return print(session, none, () => [`The secrets are kept by ${vault}, which has keys of its own: there is nothing to seal anew.`]);
  }
  const result = await resealAll(session, store);
  print(session, result, () => rotated(result));
  if (result.interrupted) process.exitCode = EXIT.interrupted;
  else if (result.failed.length > 0) process.exitCode = EXIT.damaged;
}

interface Rotated {
  /** Id of the key that seals; empty where there is none. */
  readonly key: string;
  readonly resealed: number;
  readonly failed: readonly Finding[];
  readonly interrupted: boolean;
}

function rotated({ key, resealed, failed, interrupted }: Rotated): string[] {
  return [
    ...failed.map(({ where, message }) => `${paint("red", "failed")}  ${plain(where)}: ${plain(message)}`),
    resealed + failed.length === 0 && !interrupted
      ? `Everything is sealed with ${key}.`
      : `${count(resealed)} sealed anew with ${key}${failed.length > 0 ? `, ${failed.length} could not be` : ""}.`,
    ...(interrupted ? ['Interrupted. "ashlar key rotate" goes on with the rest.'] : []),
  ];
}

async function resealAll(session: Session, store: Maintenance): Promise<Rotated> {
  const stop = new AbortController();
  const interrupt = () => stop.abort();
  process.once("SIGINT", interrupt).once("SIGTERM", interrupt); // a second one ends the process at once
  const show = progress("Sealing anew");
  let finished = false;
  try {
    const onProgress = (done: number, total: number) => {
      finished = done === total;
      show.at(done, total);
    };
    const { resealed, failed } = await store.reseal({ onProgress, signal: stop.signal });
    const interrupted = stop.signal.aborted && !finished;
    return { key: (await findKeys(session)).ring.primary.id, resealed, failed, interrupted };
  } finally {
    show.end();
    process.off("SIGINT", interrupt).off("SIGTERM", interrupt);
  }
}

/** Makes a key and lets it seal at once. */
async function newPrimary(session: Session, store: Maintenance): Promise<void> {
  const used = [...(await store.keysInUse()).keys()];
  const keys = await findKeys(session, used);
  const key = generateKey();
  if (keys.kind === "environment")
    throw new AshlarError(
      "ERR_INVALID",
      `Keys come from ${keys.ring.source}, which only you can change: "ashlar key add", then "ashlar key promote ID", then "ashlar key rotate", each time with the value that the command before printed.`,
    );
  if (keys.kind === "file") changeKeyFile(keys.file, keys.dataFolder, (ring) => [key, ...keysOf(ring)]);
  else if (used.length > 0 && !used.includes(keys.ring.primary.id))
    throw new AshlarError("ERR_WRONG_KEY", "ASHLAR_PASSPHRASE is not the one that the records were sealed with: nothing was changed.");
  else writeKeyFile(keys.file, [key], keys.dataFolder);
  const old = keys.kind === "file" ? `"ashlar key remove ID" takes an old one away.` : "ASHLAR_PASSPHRASE is not needed afterwards.";
  hint(session, [`New key ${key.id} in ${plain(keys.file)}: keep a copy of that file. ${old}`]);
}

/** Writes the key file, or prints the new value of `ASHLAR_KEYS` or of the Key Vault secret. */
function change(session: Session, keys: Keys, id: string, done: string, make: (ring: Keyring) => readonly Key[]): void {
  const ring = make(keys.ring); // what is to be refused is refused before anything is touched
  if (keys.kind === "environment") {
    const value = ring.map(keyText).join(",");
    const result = { id, source: keys.ring.source, keys: ring.map((key) => key.id), ASHLAR_KEYS: value };
    hint(session, [`Nothing is changed yet: this is the new value of ${keys.ring.source} (${id} ${done}). Keep it secret.`]);
    print(session, result, () => [value]);
    return;
  }
  const ids = changeKeyFile(keys.file, keys.dataFolder, make);
  print(session, { id, source: `the key file ${keys.file}`, keys: ids, ASHLAR_KEYS: null }, () => [
    `Key ${id} in ${plain(keys.file)}: ${done}.`,
  ]);
}

/** The key of an id that can be moved or taken away. */
function known(keys: Keys, ring: Keyring, id: string): Key {
  const key = ring.get(id);
  if (keys.kind === "passphrase")
    throw new AshlarError(
      "ERR_INVALID",
      'The key comes from ASHLAR_PASSPHRASE, and it is the only one; "ashlar key rotate --new" makes a key file in its place.',
    );
  if (key) return key;
  const near = nearest(id, ring.ids);
  throw new AshlarError(
    "ERR_NOT_FOUND",
    `No key of that id is in ${ring.source}. ${near === undefined ? '"ashlar key ls" lists them.' : `Did you mean ${near}?`}`,
    { keys: [...ring.ids] },
  );
}

function promoted(ring: Keyring, key: Key): Key[] {
  return [key, ...keysOf(ring).filter((each) => each !== key)];
}

function count(records: number): string {
  return `${records} ${records === 1 ? "record" : "records"}`;
}

/** What a reader may want to know, beside the result. */
function hint({ json }: Session, text: readonly string[]): void {
  if (!json) process.stderr.write(`${text.join("\n")}\n`);
}
