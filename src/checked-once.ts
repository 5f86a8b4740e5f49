/**
 * Documents that cannot change are checked once: after that, instances are made of what the check gave. Touches zod-def.ts and the definition.
 *
 * Only where nobody can tell: the document is frozen, as a store in memory gives the same one until it is written anew; its values passed as
 * they were; and all fields are of kinds that zod checks by data alone, so that it would find the same again. These kinds are primitives, secrets
 * of them, and blocks, which are made anew each time: nothing of one instance is changed through another. What was sealed is never kept.
 * @module
 */
import type { z } from "zod";
import { type AnyBlock, type AnyBlockClass, DEFINITION, type Definition } from "./definition.ts";
import type { Document } from "./stores/store.ts";
import { blockInner, children, defOf, secretInner } from "./zod-def.ts";

interface Checked {
  readonly cls: AnyBlockClass;
  readonly values: Readonly<Record<string, unknown>>;
  /** The fields that hold blocks, in the order of the document's references. */
  readonly nested: readonly string[];
}
const checked = new WeakMap<Document, Checked>();

/** The values of a document that was checked before; `nested` are the blocks that it refers to, in order. Undefined where it has to be checked. */
export function checkedBefore(
  cls: AnyBlockClass,
  document: Document,
  nested: readonly AnyBlock[],
): Readonly<Record<string, unknown>> | undefined {
  const known = checked.get(document);
  if (known?.cls !== cls) return undefined;
  if (known.nested.length === 0) return known.values;
  const values = { ...known.values };
  for (let index = 0; index < nested.length; index++) values[known.nested[index] as string] = nested[index];
  return values;
}

/** Remembers what the check made of a document's fields, if that may be. */
export function rememberChecked(
  cls: AnyBlockClass,
  document: Document,
  fields: Readonly<Record<string, unknown>>,
  values: Readonly<Record<string, unknown>>,
): void {
  if (!Object.isFrozen(document) || !isRepeatable(cls[DEFINITION])) return;
  if (Object.keys({ ...fields, ...values }).some((name) => fields[name] !== values[name])) return;
  const nested = Object.keys(document.references).flatMap((at) => cls[DEFINITION].byPointer.get(at)?.name ?? []);
  checked.set(document, { cls, values, nested });
}

/** What zod checks by data alone. */
const KINDS: ReadonlySet<string> = new Set(["string", "number", "boolean", "null", "enum", "literal", "optional", "nullable", "default"]);
const CHECKS: ReadonlySet<unknown> = new Set(
  "min_length max_length length_equals string_format number_format greater_than less_than multiple_of".split(" "),
);

/** Whether the same fields pass the check each time. */
function isRepeatable({ schema, fields }: Definition): boolean {
  return !defOf(schema).checks?.length && fields.every(({ declared }) => isData(declared));
}

function isData(schema: z.ZodType): boolean {
  const { type, checks = [], fn } = defOf(schema);
  if (fn || !checks.every(({ _zod }) => CHECKS.has(_zod.def.check))) return false;
  if (blockInner(schema)) return true;
  const hidden = secretInner(schema);
  return hidden ? isData(hidden) : KINDS.has(type) && children(schema).every(isData);
}
