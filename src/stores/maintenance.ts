/**
 * Looking after a sealed store: which keys are in use, sealing anew, checking every record. Touches the two contracts and sealing.ts.
 * @module
 */
import { setImmediate } from "node:timers/promises";
import type { Backend, RecordKind, StoredRecord } from "../backends/backend.ts";
import { type AshlarError, isAshlarError } from "../errors.ts";
import type { Vault } from "../vaults/vault.ts";
import { keptKey } from "./kept-key.ts";
import { checksumIn, damaged, isDocument, named } from "./record.ts";
import type { Sealing } from "./sealing.ts";
import type { Finding, Maintenance } from "./store.ts";

const PAGE = 200;
/** How many records are checked at a time: backends and vaults may be far away. */
const AT_ONCE = 20;

/** A damaged row may say anything. */
const KINDS: readonly RecordKind[] = ["document", "anonymous", "type", "schema", "token"];

/** The maintenance of a store. */
export function maintenanceOf(sealing: Sealing): Maintenance {
  const { backend, vault } = sealing;
  return {
    async keysInUse() {
      const counts = new Map<string, number>();
      for await (const { sealed, damaged } of allRecords(backend)) {
        const key = vault.keyOf(sealed);
        if (!damaged && key !== "") counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return counts;
    },
    async reseal({ onProgress, signal } = {}) {
      const key = await vault.sealingKey();
      const old: string[] = [];
      let total = 0;
      for await (const record of allRecords(backend)) {
        total++;
        if (vault.keyOf(record.sealed) !== key) old.push(record.id);
      }
      const failed: Finding[] = [];
      let [resealed, done] = [0, total - old.length];
      for (const id of old) {
        if (signal?.aborted) break;
        const outcome = await resealOne(sealing, id, key);
        if (typeof outcome === "object") failed.push(outcome);
        else if (outcome) resealed++;
        onProgress?.(++done, total);
        await setImmediate(); // SQLite answers at once: without a pause no signal would ever arrive
      }
      return { resealed, failed };
    },
    async check({ open = true } = {}) {
      const findings: Finding[] = (await backend.check()).map((message) => ({ where: "", message }));
      const known = new Set<string>();
      const tokens: string[] = [];
      for await (const { kind, type, name, sealed } of allRecords(backend)) {
        known.add(`${kind} ${type} ${kind === "schema" ? checksumIn(name) : name}`);
        if (vault.check) tokens.push(sealed);
      }
      if (open) findings.push(...(await checkVault(vault, tokens)));
      for await (const page of allPages(backend))
        for (let at = 0; at < page.length; at += AT_ONCE)
          findings.push(
            ...(await Promise.all(page.slice(at, at + AT_ONCE).map((record) => checkRecord(sealing, record, known, open)))).flat(),
          );
      return findings;
    },
    async derive(purpose, key) {
      if (vault.derive) return vault.derive(`${await backend.storeId()}\0${purpose}`, key);
      return keptKey(sealing, purpose, key);
    },
  };
}

async function* allRecords(backend: Backend): AsyncGenerator<StoredRecord> {
  for await (const page of allPages(backend)) yield* page;
}

async function* allPages(backend: Backend): AsyncGenerator<readonly StoredRecord[]> {
  for (let after: string | undefined; ; ) {
    const page = await backend.scan({ after, limit: PAGE });
    yield page;
    if (page.length < PAGE) return;
    after = page.at(-1)?.id;
  }
}

/** What the vault itself finds; also that it lets nobody look. */
async function checkVault(vault: Vault, tokens: readonly string[]): Promise<Finding[]> {
  try {
    return ((await vault.check?.(tokens)) ?? []).map((message) => ({ where: "", message }));
  } catch (error) {
    if (!isAshlarError(error)) throw error;
    return [{ where: "", message: error.message }];
  }
}

/** Whether it was sealed anew; false when someone else did, or deleted it. Who writes in between has won: it is looked at again. */
async function resealOne(sealing: Sealing, id: string, key: string): Promise<boolean | Finding> {
  const { backend, vault } = sealing;
  for (;;) {
    const record = await backend.get({ id });
    if (!record || vault.keyOf(record.sealed) === key) return false;
    try {
      const anew = await sealing.resealed(record);
      await backend.put(anew, record.revision);
      await vault.discard(record.sealed, false);
      return true;
    } catch (error) {
      if (isAshlarError(error, "ERR_CONFLICT")) continue;
      if (!isRecordError(error)) throw error;
      return { where: placeOf(record), message: error.message };
    }
  }
}

/** What concerns one record, and not the store or the keys as a whole. */
function isRecordError(error: unknown): error is AshlarError {
  return (
    ["ERR_CANNOT_OPEN", "ERR_EDITED", "ERR_UNKNOWN_KEY", "ERR_WRONG_KEY", "ERR_UNSUPPORTED", "ERR_LIMIT", "ERR_BROKEN_REFERENCE"] as const
  ).some((code) => isAshlarError(error, code));
}

/** Why a record cannot be opened; undefined when it can, or when it is not to be. */
async function fault(sealing: Sealing, record: StoredRecord, opening: boolean): Promise<AshlarError | undefined> {
  try {
    if (opening) await sealing.open(record);
    else if (record.damaged) throw named(record, damaged());
    return undefined;
  } catch (error) {
    if (!isRecordError(error)) throw error;
    return error;
  }
}

async function checkRecord(sealing: Sealing, record: StoredRecord, known: ReadonlySet<string>, opening: boolean): Promise<Finding[]> {
  const where = placeOf(record);
  const { backend } = sealing;
  const { id, kind, type, name } = record;
  const findings: Finding[] = [];
  const error = await fault(sealing, record, opening);
  const looked = await backend.get({ kind, type, name });
  // A vault forgets older seals: what was saved in between is looked at as it is now.
  if (error && looked?.id === id && looked.sealed !== record.sealed) return checkRecord(sealing, looked, known, opening);
  if (error) {
    const mend = isAshlarError(error, "ERR_CANNOT_OPEN") && !record.damaged;
    findings.push({
      where,
      message: `${error.message}${mend ? ` Bring back a copy of the store${isDocument(kind) ? ", save it again, or delete it" : ""}.` : ""}`,
    });
  }
  if (!KINDS.includes(kind) || looked?.id !== id)
    findings.push({
      where,
      message: `The record ${id} cannot be found by its name: its row was changed from outside. Bring back a copy of the store, or delete the row.`,
    });
  if (!isDocument(kind) || record.damaged) return findings;
  for (const [at, reference] of Object.entries(record.references)) {
    if (!(await backend.get({ id: reference.id })))
      findings.push({
        where,
        message: `It refers at ${at} to ${reference.type}/${reference.name}, which is not there any more: save ${where} with another.`,
      });
  }
  if (!known.has(`type ${type} ${type}`))
    findings.push({ where, message: `Its block type ${type} is not registered: register the class, ashlar register FILE.` });
  else if (!known.has(`schema ${type} ${checksumIn(record.schema)}`))
    findings.push({
      where,
      message: `The schema that it was saved under, ${checksumIn(record.schema).slice(0, 19)}, is not registered: register the class, or save the document again.`,
    });
  return findings;
}

function placeOf({ kind, type, name }: StoredRecord): string {
  return isDocument(kind) ? `${type}/${name}` : `${kind} ${name}`;
}
