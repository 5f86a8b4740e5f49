/**
 * Whether a document fits its schema, where the server is told to ask (`--validate`). Touches schema-class.ts, loaded when it is asked: it brings zod.
 * @module
 */
import { type AnyBlockClass, DEFINITION } from "../definition.ts";
import type { Json } from "../json.ts";
import type { StoredSchema } from "../stores/store.ts";
import { toWire } from "../wire.ts";
import type { Content } from "./document-content.ts";
import { invalidRequest } from "./validation.ts";

/** Classes by checksum. */
const classes = new Map<string, AnyBlockClass>();
const MOST_CLASSES = 200;

/** @throws Refusal 422 with all that does not fit, by path; never with a value */
export async function checkFits(schema: StoredSchema, { data, secrets, references }: Content): Promise<void> {
  const [{ byName }, { classFromSchema, standIn }] = await Promise.all([import("../fields.ts"), import("../schema-class.ts")]);
  let cls = classes.get(schema.checksum);
  if (!cls) {
    if (classes.size === MOST_CLASSES) classes.clear();
    classes.set(schema.checksum, (cls = classFromSchema(schema)));
  }
  const revealed = Object.fromEntries(Object.entries(secrets).map(([at, value]) => [at, value.reveal()]));
  const children = Object.entries(references).map(([at, { id, type, name }]) => {
    const child = classFromSchema({ type, fields: JSON.stringify({ title: type, type: "object", properties: {} }) }); // only its type counts here
    return [at, standIn(child, { id, type, name, revision: null }) as unknown as Json] as const;
  });
  const parsed = cls[DEFINITION].parse(byName(cls[DEFINITION], toWire(data, revealed, Object.fromEntries(children))));
  if ("values" in parsed) return;
  throw invalidRequest(
    parsed.issues.map(({ path, message }) => ({
      type: "value_error",
      loc: ["body", "data", ...(path === "" ? [] : [path])],
      msg: `Value error, ${message}`,
    })),
  );
}
