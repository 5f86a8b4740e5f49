/**
 * How a record lies in a blob: the blob's name, its text, its metadata. Touches the contract; sends nothing.
 *
 * A name is `KIND/TYPE!NAME`. Letters, digits and dashes stand for themselves, every other byte is a sign and two hexadecimal digits; which sign it is
 * keeps the order of bytes, and the `!` sorts before all of them. So a listing comes by type and name as the contract wants it, nothing needs to
 * be encoded in a URL, and no name ends with a dot or leads out of its folder.
 * @module
 */
import { AshlarError } from "../errors.ts";
import { parseJson } from "../json.ts";
import type { Blob } from "./azure-blob-container.ts";
import type { RecordKind, StoredRecord } from "./backend.ts";
import { isWhole } from "./record-shape.ts";

/** Where a record is. */
type Place = Pick<StoredRecord, "kind" | "type" | "name">;

/** A record as it was read. */
export interface Found {
  readonly record: StoredRecord;
  readonly etag: string;
  /** What its last writes were called, the newest first. */
  readonly writes: readonly string[];
}

/** How many of the last writes a blob tells of. */
export const WRITES_KEPT = 32;
/** More of a record's references do not fit into metadata, which may have 8 KiB in all. */
const REFERENCES_KEPT = 150;

const PLAIN = /[^-0-9A-Za-z]/g;
const ESCAPED = /[$.=_~]([0-9a-f]{2})/g;

/** A text as part of a blob's name. @throws AshlarError `ERR_INVALID` for half of a character: it has no bytes of its own */
export function encoded(text: string): string {
  if (!text.isWellFormed()) throw new AshlarError("ERR_INVALID", "A name with half of a character in it cannot be stored.");
  return Buffer.from(text)
    .toString("latin1")
    .replace(PLAIN, (byte) => signOf(byte) + byte.charCodeAt(0).toString(16).padStart(2, "0"));
}

/** Sorts where the byte would among letters, digits and the dash. */
function signOf(byte: string): string {
  if (byte < "-") return "$";
  if (byte < "0") return ".";
  if (byte < "A") return "=";
  return byte < "a" ? "_" : "~";
}

/** The text of an {@link encoded} one. */
export function decoded(part: string): string {
  const bytes = part.replace(ESCAPED, (_whole, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, "latin1").toString();
}

/** A record's place as text. */
export function placeText({ kind, type, name }: Place): string {
  return `${encoded(kind)}/${encoded(type)}!${encoded(name)}`;
}

/** The place of a {@link placeText}. */
export function placeOf(text: string): Place {
  const [kind = "", type = "", name = ""] = text.split(/[/!]/).map(decoded);
  return { kind: kind as RecordKind, type, name };
}

/** The name of the blob of the record at a place. */
export function recordName(at: string): string {
  return `records/${at}`;
}

/** The place that such a name means. */
export function placeIn(name: string): string {
  return name.slice("records/".length);
}

/** The name of the blob that says where the record of an id is. */
export function idName(id: string): string {
  return `ids/${encoded(id)}`;
}

/** The id that such a name means. */
export function idOf(name: string): string {
  return decoded(name.slice("ids/".length));
}

/** What the blob holds of a record: all of it, its place too, so that a copy under another name is told from it. */
export function bodyOf({ damaged: _damaged, ...record }: StoredRecord): string {
  return JSON.stringify(record);
}

/** What a listing shows of a record, and what tells of its last writes. */
export function metadataOf(record: StoredRecord, writes: readonly string[]): Record<string, string> {
  const [id, place, revision] = [encoded(record.id), placeText(record), String(record.revision)];
  const ids = [...new Set(Object.values(record.references).map(({ id }) => encoded(id)))];
  const references = ids.length === 0 ? "none" : ids.length > REFERENCES_KEPT ? "many" : ids.join(",");
  return { id, place, revision, references, writes: writes.slice(0, WRITES_KEPT).join(",") };
}

/** Whether a record may refer to one of some ids: what its metadata cannot tell, the record has to. */
export function mayReferTo(metadata: Readonly<Record<string, string>> | undefined, ids: ReadonlySet<string>): boolean {
  const references = metadata?.references ?? "many";
  return references === "many" || references.split(",").some((id) => ids.has(decoded(id)));
}

/** What was read, checked part by part: whoever may write to the container can have written anything. Of a copy not even its metadata counts. */
export function foundIn(at: string, { body, etag, metadata }: Blob): Found {
  const place = placeOf(at);
  const own = metadata.place === at ? metadata : {};
  const damaged = { ...EMPTY, ...place, id: decoded(own.id ?? ""), revision: Number(own.revision) || 0, damaged: true } as const;
  return { record: recordOf(place, body) ?? damaged, etag, writes: own.writes?.split(",") ?? [] };
}

const EMPTY = { schema: "", data: {}, references: {}, secrets: {}, sealed: "", created: "", updated: "", updatedBy: "" };

function recordOf({ kind, type, name }: Place, text: string): StoredRecord | undefined {
  try {
    const record = parseJson(text) as StoredRecord;
    if (!isWhole(record) || record.kind !== kind || record.type !== type || record.name !== name) return undefined;
    return Object.values(record.references).every(isWellFormed) ? record : undefined;
  } catch {
    return undefined; // what is no JSON of ours is a damaged record, whatever is wrong with it
  }
}

function isWellFormed({ id, type, name }: StoredRecord["references"][string]): boolean {
  return [id, type, name].every((part) => part.isWellFormed());
}

/** The order of records of one kind. */
export function byPlace(a: StoredRecord, b: StoredRecord): number {
  const [left, right] = [a, b].map(({ type, name }) => placeText({ kind: "document", type, name })) as [string, string];
  return left < right ? -1 : 1;
}

/** In steps: first those that none of the others refers to, so that nothing ever refers to what is gone. */
export function fromAbove(found: readonly Found[]): Found[][] {
  const steps: Found[][] = [];
  for (let rest = [...found]; rest.length > 0; ) {
    const below = new Set(rest.flatMap(({ record }) => Object.values(record.references).map(({ id }) => id)));
    const step = rest.filter(({ record }) => !below.has(record.id));
    steps.push(step.length > 0 ? step : rest); // a circle has no top
    rest = step.length > 0 ? rest.filter(({ record }) => below.has(record.id)) : [];
  }
  return steps;
}
