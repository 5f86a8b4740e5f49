/**
 * What Prefect's API answers about blocks, checked before it is used: a server's data is input like any other. Touches zod and the shapes of wire.ts;
 * sends nothing.
 * @module
 */
import { z } from "zod";
import { isRawNumber, type JsonObject } from "../json.ts";
import type { WireDocument, WireReference, WireSchema, WireType } from "../wire.ts";
import type { Answer, Call, PrefectClient } from "./client.ts";
import { outcomeUnknown, unreadable } from "./failures.ts";

const object = z.custom<JsonObject>((value) => typeof value === "object" && value !== null && !Array.isArray(value) && !isRawNumber(value));
const text = z
  .string()
  .nullish()
  .transform((value) => value ?? null);
/** Python's client takes documents without times, too. */
const time = z
  .string()
  .nullish()
  .transform((value) => value ?? "");
const head = { id: z.string(), created: time, updated: time };

const blockType = z.object({
  ...head,
  name: z.string(),
  slug: z.string(),
  logo_url: text,
  documentation_url: text,
  description: text,
  code_example: text,
  is_protected: z
    .boolean()
    .nullish()
    .transform((value) => value ?? false),
});

const blockSchema = z.object({
  ...head,
  checksum: z.string(),
  fields: object,
  block_type_id: z.string(),
  block_type: blockType.nullish().transform((value) => value ?? null),
  capabilities: z
    .array(z.string())
    .nullish()
    .transform((value) => value ?? []),
  version: z
    .string()
    .nullish()
    .transform((value) => value ?? ""),
});

const reference: z.ZodType<WireReference> = z.object({
  block_document: z.object({
    id: z.string(),
    name: z.string(),
    block_type: blockType,
    is_anonymous: z.boolean(),
    get block_document_references() {
      return z.record(z.string(), reference);
    },
  }),
});

const blockDocument = z.object({
  ...head,
  name: z.string(),
  data: object,
  block_schema_id: z.string(),
  block_schema: blockSchema,
  block_type_id: z.string(),
  block_type_name: text,
  block_type: blockType,
  block_document_references: z.record(z.string(), reference),
  is_anonymous: z.boolean(),
});

/** Reads an answer. @throws AshlarError `ERR_UNREACHABLE` when it is not what Prefect answers; of a create, `ERR_OUTCOME_UNKNOWN`. */
type Reader<T> = (client: PrefectClient, call: Call, answer: Answer) => T;

function reader<T>(schema: z.ZodType<T>, what: string): Reader<T> {
  return (client, call, { body }) => {
    try {
      return schema.parse(body);
    } catch (error) {
      if (!(error instanceof z.core.$ZodError || error instanceof RangeError)) throw error; // RangeError: nested without end
      if (call.effect === "once") throw outcomeUnknown(client.settings, "its answer is none of Prefect's");
      const [issue] = error instanceof z.core.$ZodError ? error.issues : [];
      const where =
        issue?.path
          .filter((part) => typeof part !== "symbol")
          .slice(0, 4)
          .join(".") ?? "";
      throw unreadable(client.settings, call, `it is no ${what}${where === "" ? "" : ` (look at ${where})`}`);
    }
  };
}

export const readType: Reader<WireType> = reader(blockType, "block type");
export const readTypes: Reader<WireType[]> = reader(z.array(blockType), "list of block types");
export const readSchema: Reader<WireSchema> = reader(blockSchema, "block schema");
export const readSchemas: Reader<WireSchema[]> = reader(z.array(blockSchema), "list of block schemas");
export const readDocument: Reader<WireDocument> = reader(blockDocument, "block document");
export const readDocuments: Reader<WireDocument[]> = reader(z.array(blockDocument), "list of block documents");
