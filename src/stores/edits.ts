/**
 * Documents whose readable half was edited where it rests: what was changed, and sealing it as it is now. Touches sealing.ts and the contracts.
 * @module
 */
import type { StoredRecord } from "../backends/backend.ts";
import { AshlarError, invalid } from "../errors.ts";
import { canonicalJson, type Json, pointerParts } from "../json.ts";
import type { EditableVault } from "../vaults/editable.ts";
import { isDocument, maskedOf, named, opened } from "./record.ts";
import type { Sealing } from "./sealing.ts";
import type { Edits } from "./store.ts";

/** What an edit may not change: who the document is. */
const IDENTITY = ["id", "kind", "type", "name", "created"] as const;

/** See `Edits` of the store's contract. */
export function editsOf(sealing: Sealing, vault: EditableVault): Edits {
  const edited = async (key: { type: string; name: string }) => {
    const now = await recordOf(sealing, key);
    const { half, secrets } = await vault.sealedAs(now.sealed).catch((error) => {
      throw error instanceof AshlarError ? named(now, error) : error;
    });
    const before = { ...half, sealed: now.sealed } as unknown as StoredRecord;
    checkIdentity(before, now);
    const { sealed: _a, ...was } = before;
    const { sealed: _b, ...is } = now;
    if (canonicalJson(was) === canonicalJson(is)) return null;
    return { now, before, secrets, kept: keptPlaces(now, before) };
  };
  return {
    async find(key) {
      const edit = await edited(key);
      if (!edit) return null;
      const { now, before, secrets, kept } = edit;
      const values = Object.fromEntries(kept.map((at) => [at, secrets[at] as Json]));
      return { before: opened(before, secrets), after: { ...opened(now, values) } };
    },
    async accept(key) {
      const edit = await edited(key);
      if (!edit) return maskedOf(await recordOf(sealing, key));
      const { now, before, secrets, kept } = edit;
      const places = Object.fromEntries(kept.map((at) => [at, before.secrets[at] as { changed: string }]));
      const values = Object.fromEntries(kept.map((at) => [at, secrets[at] as Json]));
      const revision = Math.max(before.revision, now.revision); // a merge may have kept the lower one
      const record = await sealing.seal({ ...now, secrets: places }, values, { ...now, revision });
      await sealing.backend.put(record, now.revision);
      return maskedOf(record);
    },
  };
}

async function recordOf({ backend }: Sealing, { type, name }: { type: string; name: string }): Promise<StoredRecord> {
  for (const kind of ["document", "anonymous"] as const) {
    const record = await backend.get({ kind, type, name });
    if (record?.damaged)
      throw named(
        record,
        new AshlarError("ERR_CANNOT_OPEN", "It is no record any more: where a merge left its marks, take them away first."),
      );
    if (record && isDocument(record.kind)) return record;
  }
  throw new AshlarError("ERR_NOT_FOUND", `There is no document ${type}/${name} in ${backend.url}.`, { type, name, store: backend.url });
}

function checkIdentity(before: StoredRecord, now: StoredRecord): void {
  const changed = IDENTITY.filter((part) => before[part] !== now[part]);
  if (changed.length === 0) return;
  throw new AshlarError(
    "ERR_INVALID",
    `${now.type}/${now.name} was sealed as ${before.type}/${before.name}, and its ${changed.join(", ")} ${changed.length === 1 ? "was" : "were"} changed: a document is not renamed or copied by editing its file. Bring the file back, and save a copy under another name.`,
    { type: now.type, name: now.name },
  );
}

/** The secrets whose places are still there. @throws AshlarError `ERR_INVALID` where something was typed in the place of a secret */
function keptPlaces(now: StoredRecord, before: StoredRecord): string[] {
  const there = Object.keys(before.secrets).map((at) => [at, valueAt(now.data, pointerParts(at))] as const);
  const typed = there
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([at]) => ({
      path: pointerParts(at).join("."),
      message:
        "is secret and stands here in clear: put null in its place, and give the value by ashlar set; it is known to all who see the file",
    }));
  if (typed.length > 0) throw invalid(`${now.type}/${now.name} cannot be sealed`, typed, "ERR_INVALID", { type: now.type, name: now.name });
  return there.filter(([, value]) => value === null).map(([at]) => at);
}

function valueAt(data: Json, [key, ...rest]: readonly string[]): Json | undefined {
  if (key === undefined) return data;
  if (typeof data !== "object" || data === null || !Object.hasOwn(data, key)) return undefined;
  return valueAt((data as Record<string, Json>)[key] as Json, rest);
}
