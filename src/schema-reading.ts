/**
 * What a stored schema can say of a value, in the words of whoever makes classes of it. Types only; schema-reader.ts finds them out.
 * @module
 */
import type { Json } from "./json.ts";
import type { Bound, Literal } from "./schema-node.ts";

/** A value's place in a schema. */
export interface Part {
  /** What describes it. */
  readonly raw: unknown;
  /** Its dotted path, as in `secret_fields`. */
  readonly path: string;
  /** Whether it is inside a secret, or each leaf of it is one; default neither. */
  readonly hiding?: "inside" | "each" | undefined;
  /** How far it is from the top. */
  readonly depth: number;
}

/**
 * What holds where a value is not given. `unset`: null, or nothing. `computed`: what Python makes each time, which the schema does not say; of a list
 * or a mapping nearly always an empty one.
 */
export type Preset =
  | { readonly kind: "required" }
  | { readonly kind: "unset" }
  | { readonly kind: "value"; readonly value: Json }
  | { readonly kind: "computed"; readonly empty: Json | undefined };

/** One property of an object or a block. */
export interface Property {
  readonly key: string;
  readonly part: Part;
  readonly preset: Preset;
}

/** What a node says. */
export type Reading =
  | { readonly kind: "nullable"; readonly of: Part }
  /** `partly`: the schema marks some of its parts as secret by themselves. */
  | { readonly kind: "secret"; readonly of: Part; readonly partly: boolean }
  | { readonly kind: "block"; readonly name: string }
  /** `key` is the same where the same definition has the same secrets. */
  | { readonly kind: "definition"; readonly name: string; readonly key: string; readonly of: Part }
  | { readonly kind: "union"; readonly options: readonly Part[]; readonly tag: string | undefined }
  /** `constant`: the one value is said as such, and not as a choice of one. */
  | { readonly kind: "literal"; readonly values: readonly [Literal, ...Literal[]]; readonly constant: boolean }
  | {
      readonly kind: "text";
      readonly min: number | undefined;
      readonly max: number | undefined;
      /** Undefined also where JavaScript would read it in another way than Python. */
      readonly pattern: RegExp | undefined;
      readonly format: string | undefined;
    }
  | {
      readonly kind: "number";
      readonly integer: boolean;
      readonly bounds: readonly Bound[];
    }
  | { readonly kind: "list"; readonly items: Part | undefined; readonly min: number | undefined; readonly max: number | undefined }
  | { readonly kind: "tuple"; readonly items: readonly [Part, ...Part[]]; readonly rest: Part | undefined }
  | { readonly kind: "record"; readonly keys: Part | undefined; readonly values: Part | undefined }
  /** `others`: what else it may hold; undefined where the schema does not say. */
  | { readonly kind: "object"; readonly properties: readonly Property[]; readonly others: Part | boolean | undefined }
  /** `json`: a reference to any JSON. `any`: nothing is said. `unknown`: what is said is not known here. */
  | { readonly kind: "boolean" | "null" | "json" | "any" | "unknown" };
