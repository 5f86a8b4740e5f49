/**
 * What our own server answers, checked before it is used: a server's data is input like any other. Touches zod and shapes.ts; sends nothing.
 * @module
 */
import { z } from "zod";
import { ROLES, type Role } from "../access-token.ts";
import { type ErrorCode, errorCodes } from "../errors.ts";
import type { JsonObject } from "../json.ts";
import type { MaskedDocument, Reference, StoredSchema, StoredType } from "../stores/store.ts";
import type { ApiRefusal, Caller, OpenedDocument, OpenedItem } from "./shapes.ts";

/** Any object; zod's own records lose a key __proto__. */
const object = z.custom<JsonObject>((value) => typeof value === "object" && value !== null && !Array.isArray(value));

/** An object whose values are all of a kind. */
function recordOf<T>(item: z.ZodType<T>) {
  return z.custom<Readonly<Record<string, T>>>(
    (value) => object.safeParse(value).success && Object.values(value as object).every((each) => item.safeParse(each).success),
  );
}

const reference: z.ZodType<Reference> = z.object({ id: z.string(), type: z.string(), name: z.string() });
const isTrue = z.literal(true).optional();
const head = {
  ...{ id: z.string(), type: z.string(), name: z.string(), anonymous: isTrue, schema: z.string(), version: z.string().optional() },
  ...{ data: object, references: recordOf(reference), revision: z.int().nullable() },
  ...{ created: z.string(), updated: z.string(), updatedBy: z.string() },
};

/** A document without its secrets. */
const masked: z.ZodType<MaskedDocument> = z.object({
  ...head,
  secrets: recordOf(z.object({ changed: z.string().nullable() })),
  damaged: isTrue,
  denied: z.array(z.string()).optional(),
});

/** A document with its secrets. */
const opened = z.object({ ...head, secrets: recordOf(z.object({ value: z.unknown() })) }) as unknown as z.ZodType<OpenedDocument>;

const stored = { id: z.string(), created: z.string(), updated: z.string() };
const text = z.string().nullable();

/** A block type. */
const blockType: z.ZodType<StoredType> = z.object({
  ...stored,
  ...{ slug: z.string(), name: z.string(), description: text, logoUrl: text, documentationUrl: text, codeExample: text, protected: isTrue },
});

/** A schema. */
const blockSchema: z.ZodType<StoredSchema> = z.object({
  ...stored,
  ...{ checksum: z.string(), type: z.string(), version: z.string(), capabilities: z.array(z.string()), fields: z.string() },
});

/** An access token. */
const accessToken = z.object({
  ...{ id: z.string(), name: z.string(), roles: z.array(z.enum(Object.keys(ROLES) as [Role])) },
  ...{ types: z.array(z.string()).nullable(), names: z.array(z.string()).nullable() },
  ...{ created: z.string(), expires: text, revoked: text },
});

const numberOrNull = z.number().nullable().exactOptional();
const texts = z.array(z.string()).exactOptional();

const error: z.ZodType<ApiRefusal["error"]> = z.object({
  code: z.enum(Object.keys(errorCodes) as [ErrorCode]).catch("ERR_UNREACHABLE"), // of a newer server
  message: z.string(),
  request: z.string(),
  issues: z.array(z.object({ pointer: z.string(), message: z.string() })).exactOptional(),
  ...{ type: z.string().exactOptional(), name: z.string().exactOptional(), path: z.string().exactOptional() },
  ...{ documents: texts, keys: texts, expected: numberOrNull, actual: numberOrNull },
  ...{ documentSchema: z.string().exactOptional(), classSchema: z.string().exactOptional() },
});

/** A refusal. */
export const refusalBody: z.ZodType<ApiRefusal> = z.object({ error });

/** Bodies of good answers, by what they hold. */
export const bodies = {
  document: masked,
  documents: z.object({ documents: z.array(masked) }),
  opened: z.object({ documents: z.array(opened) }),
  openedPage: z.object({
    items: z.array(z.object({ ...{ id: z.string(), type: z.string(), name: z.string() }, documents: texts, error: error.optional() })),
    documents: z.array(opened),
  }) as z.ZodType<{ readonly items: readonly OpenedItem[]; readonly documents: readonly OpenedDocument[] }>,
  deleted: z.object({ deleted: z.array(reference) }),
  names: z.object({ names: z.array(z.object({ type: z.string(), name: z.string() })) }),
  type: blockType,
  types: z.object({ types: z.array(blockType) }),
  savedType: z.object({ type: blockType, change: z.enum(["created", "updated", "unchanged"]) }),
  schema: blockSchema,
  schemas: z.object({ schemas: z.array(blockSchema) }),
  savedSchema: z.object({ schema: blockSchema, created: z.boolean() }),
  token: z.object({ token: accessToken }),
  tokens: z.object({ tokens: z.array(accessToken) }),
  newToken: z.object({ token: accessToken, text: z.string() }),
  caller: z.object({
    name: z.string(),
    rights: z.array(z.enum(["see", "reveal", "write", "admin"])),
    token: accessToken.nullable(),
  }) satisfies z.ZodType<Caller>,
} as const;
