/**
 * Whether a document fits its schema, where the server is told to ask (`--validate`). Touches schema-class.ts.
 * @module
 */
import { type AnyBlockClass, DEFINITION } from "../definition.ts";
import { byName } from "../fields.ts";
import type { Json } from "../json.ts";
import { classFromSchema, standIn } from "../schema-class.ts";
import type { Reference, StoredSchema } from "../stores/store.ts";
import { toWire } from "../wire.ts";
import type { Content } from "./document-content.ts";
import { invalidRequest } from "./validation.ts";

/** Classes by checksum. */
const classes = new Map<string, AnyBlockClass>();
const MOST_CLASSES = 200;

/** @throws Refusal 422 with all that does not fit, by path; never with a value */
export function checkFits(schema: StoredSchema, { data, secrets, references }: Content): void {
  const definition = classOf(schema)[DEFINITION];
  const revealed = Object.fromEntries(Object.entries(secrets).map(([at, value]) => [at, value.reveal()]));
  const children = Object.fromEntries(Object.entries(references).map(([at, to]) => [at, childOf(to) as unknown as Json]));
  const parsed = definition.parse(byName(definition, toWire(data, revealed, children)));
  if ("values" in parsed) return;
  throw invalidRequest(
    parsed.issues.map(({ path, message }) => ({
      type: "value_error",
      loc: ["body", "data", ...(path === "" ? [] : [path])],
      msg: `Value error, ${message}`,
    })),
  );
}

function classOf(schema: StoredSchema): AnyBlockClass {
  let known = classes.get(schema.checksum);
  if (!known) {
    if (classes.size === MOST_CLASSES) classes.clear();
    classes.set(schema.checksum, (known = classFromSchema(schema)));
  }
  return known;
}

/** Stands for a saved document, of which only the type counts here. */
function childOf({ id, type, name }: Reference): object {
  const cls = classFromSchema({ type, fields: JSON.stringify({ title: type, type: "object", properties: {} }) });
  return standIn(cls, { id, type, name, revision: null });
}
