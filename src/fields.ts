/**
 * What a field can be beside zod's own: `secret()`, `block()` and `bytes()`. Touches zod, secret.ts and definition.ts; knows nothing of stores
 * or documents.
 * @module
 */
import { z } from "zod";
import { type AnyBlock, type AnyBlockClass, CheckedValues, DEFINITION, type Definition, isBlock, isBlockClass } from "./definition.ts";
import { issuesOf, refuse } from "./issues.ts";
import { hazardIn } from "./json.ts";
import { MASK, Secret } from "./secret.ts";
import { checkInsideSecret, storable } from "./storable.ts";
import { BLOCK, BYTES, type BytesEncoding, marked, SECRET } from "./zod-def.ts";

export type { BytesEncoding };

/** The type of a {@link secret} field: takes the value or a `Secret` of it, gives a `Secret`. */
export type SecretSchema<S extends z.ZodType = z.ZodString> = z.ZodCodec<
  z.ZodCustom<z.input<S> | Secret<z.input<S>>, z.input<S> | Secret<z.input<S>>>,
  z.ZodCustom<Secret<z.output<S>>, Secret<z.output<S>>>
>;

/**
 * A field whose value is secret: sealed where it rests, masked wherever it shows, a {@link Secret} in the instance.
 *
 * @param inner what the secret holds; default a string. `secret(z.record(z.string(), z.string()))` hides a whole object.
 * A default belongs to no secret, since it would stand in the schema: `.optional()` after it is what you want.
 */
export function secret<S extends z.ZodType = z.ZodString>(inner?: S): SecretSchema<S> {
  const declared: z.ZodType = inner ?? z.string();
  checkInsideSecret(declared);
  const { schema } = storable(declared, "secret()");
  const codec = z.codec(
    z.custom<unknown>(),
    z.custom<Secret<unknown>>((value) => value instanceof Secret),
    {
      decode(value, context) {
        const given = value instanceof Secret ? value.reveal() : value;
        if (given === MASK && !(value instanceof Secret)) {
          return refuse(
            context,
            `this is the mask of a secret, not its value; to store these ${MASK.length} characters, give new Secret("${MASK}")`,
          );
        }
        const hazard = hazardIn(given);
        if (hazard) return refuse(context, hazard.message);
        const result = schema.safeParse(given);
        // Only where the secret stands is told, not where in it: its keys may be as secret as its values.
        if (!result.success) return refuse(context, ...new Set(issuesOf(result.error, given).map((issue) => issue.message)));
        return value instanceof Secret && result.data === given ? value : new Secret<unknown>(result.data);
      },
      encode(value, context) {
        // Reported, not thrown: in a union of secrets the next one is tried, and what a codec throws may quote the secret.
        const result = encodedOrNothing(schema, value.reveal());
        if (!result?.success) return refuse(context, "the secret cannot be written by its schema");
        return result.data === value.reveal() ? value : new Secret<unknown>(result.data);
      },
    },
  );
  return marked(codec, { [SECRET]: declared }) as unknown as SecretSchema<S>;
}

function encodedOrNothing(schema: z.ZodType, value: unknown): z.ZodSafeParseResult<unknown> | undefined {
  try {
    return z.safeEncode(schema, value);
  } catch {
    return undefined;
  }
}

/** What a nested block's field takes: an instance, or its fields; in a union `blockTypeSlug` beside them chooses the class. */
export type BlockInput<C extends AnyBlockClass> = InstanceType<C> | (ConstructorParameters<C>[0] & { readonly blockTypeSlug?: string });

/** The type of a nested block's field: takes an instance or its fields, gives the instance. */
export type BlockSchema<C extends AnyBlockClass> = z.ZodCodec<
  z.ZodCustom<BlockInput<C>, BlockInput<C>>,
  z.ZodCustom<InstanceType<C>, InstanceType<C>>
>;

/**
 * A nested block as a zod schema, for lists, records, optional fields and unions: `z.array(block(Webhook))`, `z.union([block(A), block(B)])`.
 * Where a field is just the class, write the class. In a union, plain fields with `blockTypeSlug: "a"` choose the class.
 */
export function block<C extends AnyBlockClass>(cls: C): BlockSchema<C> {
  if (!isBlockClass(cls)) throw new TypeError("block() takes a block class, one made with `class X extends Block.define({ … }) {}`.");
  const { slug } = cls[DEFINITION];
  const codec = z.codec(
    z.custom<unknown>(),
    z.custom<AnyBlock>((value) => isBlock(value)),
    {
      decode(value, context) {
        if (isBlock(value)) {
          const given = value.constructor[DEFINITION].slug;
          return value instanceof cls || given === slug
            ? value
            : refuse(context, `expected a block of type ${slug}, got one of type ${given}`);
        }
        if (typeof value !== "object" || value === null || Array.isArray(value)) {
          return refuse(context, `expected a block of type ${slug} or its fields${value === undefined ? ", is missing" : ""}`);
        }
        const { blockTypeSlug, block_type_slug: storedSlug, ...fields } = value as Record<string, unknown>;
        const given = storedSlug ?? blockTypeSlug;
        if (given !== undefined && given !== slug)
          return refuse(context, `expected a block of type ${slug}, got the fields of another type`);
        const parsed = cls[DEFINITION].parse(storedSlug === undefined ? fields : byName(cls[DEFINITION], fields), true);
        if ("values" in parsed) return new cls(new CheckedValues(parsed.values));
        for (const issue of parsed.issues) {
          const path = issue.path === "" ? [] : [issue.path];
          context.issues.push({ code: "custom", message: issue.message, path, input: undefined, params: { ashlar: true } });
        }
        return z.NEVER;
      },
      encode: (value) => value,
    },
  );
  return marked(codec, { [BLOCK]: cls }) as unknown as BlockSchema<C>;
}

/**
 * Fields by TypeScript name, from what a document holds by key. A null that stands for "not set" is left out; what is no key stays, to be reported,
 * unless it is a null: that says nothing.
 */
export function byName({ byKey }: Definition, stored: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const fields = new Bare(); // so that a key __proto__ is one like any other
  for (const key of Object.keys(stored)) {
    const field = byKey.get(key);
    if (stored[key] !== null || field?.nullIsUnset === false) fields[field?.name ?? key] = stored[key];
  }
  return fields;
}

/** Inherits nothing of Object. `Object.create(null)` does not either, but is a hash table, which zod reads several times slower. */
class Bare {
  [name: string]: unknown;
}
Object.setPrototypeOf(Bare.prototype, null);

/** The type of a {@link bytes} field. */
export type BytesSchema = z.ZodCodec<z.ZodCustom<Uint8Array | string, Uint8Array | string>, z.ZodCustom<Uint8Array, Uint8Array>>;

/**
 * A field of bytes; takes a `Uint8Array` or its encoded text, gives a `Uint8Array`.
 *
 * @param encoding `"utf-8"` (default) is what Python's `bytes` fields hold and refuses bytes that are no UTF-8; `"base64"` holds any bytes.
 */
export function bytes(encoding: BytesEncoding = "utf-8"): BytesSchema {
  const isBytes = (value: unknown) => value instanceof Uint8Array;
  const codec = z.codec(z.custom<Uint8Array | string>(), z.custom<Uint8Array>(isBytes), {
    decode(value, context) {
      if (typeof value === "string") {
        if (encoding === "utf-8") return new TextEncoder().encode(value);
        if (z.base64().safeParse(value).success) return new Uint8Array(Buffer.from(value, "base64"));
        return refuse(context, "expected bytes as base64 text");
      }
      if (!(value instanceof Uint8Array))
        return refuse(context, `expected bytes (a Uint8Array)${value === undefined ? ", is missing" : ""}`);
      if (encoding === "base64" || isUtf8(value)) return value;
      return refuse(context, 'these bytes are no UTF-8 text; declare the field as bytes("base64") to hold any bytes');
    },
    encode: (value) => Buffer.from(value).toString(encoding),
  });
  return marked(codec, { [BYTES]: encoding }) as unknown as BytesSchema;
}

function isUtf8(value: Uint8Array): boolean {
  return Buffer.from(Buffer.from(value).toString("utf-8"), "utf-8").equals(value);
}

/** `clusterId` → `cluster_id`, `accountURL` → `account_url`; what is in snake_case stays. */
export function snakeCase(name: string): string {
  return name
    .replace(/([a-z0-9])([A-Z])/g, "$1_$2")
    .replace(/([A-Z]+)([A-Z][a-z])/g, "$1_$2")
    .toLowerCase();
}
