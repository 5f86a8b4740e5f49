/**
 * What is known of a block class: the one protocol by which classes of any installed copy of Ashlar are read. Touches zod's types only.
 * @module
 */
import type { z } from "zod";
import type { Issue } from "./errors.ts";

/** Key of the static property that holds a class's definition, the same in every copy. */
export const DEFINITION: unique symbol = Symbol.for("ashlar.definition") as never;

/** One field of a block class. */
export interface Field {
  /** Name in TypeScript, `clusterId`. */
  readonly name: string;
  /** Key in documents and schemas, `cluster_id`. */
  readonly key: string;
  /** The schema as declared; the block's JSON schema is made from it. */
  readonly declared: z.ZodType;
  /** Whether a null may stand in a document for "not set". */
  readonly nullIsUnset: boolean;
}

/** What `Block.define` was given, checked. */
export interface Definition {
  readonly name: string;
  readonly slug: string;
  readonly title: string | undefined;
  readonly description: string | null;
  readonly logoUrl: string | null;
  readonly documentationUrl: string | null;
  readonly codeExample: string | null;
  readonly capabilities: readonly string[];
  readonly version: string;
  readonly fields: readonly Field[];
  /** The fields by their keys in documents. */
  readonly byKey: ReadonlyMap<string, Field>;
  /** The fields by their JSON pointers in documents. */
  readonly byPointer: ReadonlyMap<string, Field>;
  /** The schema's own text, where it came from elsewhere and must keep its checksum. */
  readonly schemaText: string | undefined;
  /** Checks and converts all fields, by TypeScript name; `encode` goes back to what documents hold. */
  readonly schema: z.ZodType<Record<string, unknown>, Record<string, unknown>>;
  /** Checks fields by TypeScript name, and freezes what they hold; `walked`: what they hold was looked through already, as part of something larger. */
  parse(input: unknown, walked?: boolean): Parsed;
}

/** Outcome of checking fields: the values, or all that does not fit. */
export type Parsed = { readonly values: Record<string, unknown> } | { readonly issues: readonly Issue[] };

/** A block class of any copy, as far as the machinery needs it. */
export interface AnyBlockClass {
  // biome-ignore lint/suspicious/noExplicitAny: a constructor of unknown input; `never` would not accept subclasses
  new (input: any): AnyBlock;
  readonly name: string;
  readonly [DEFINITION]: Definition;
}

/** A block instance of any copy. */
export interface AnyBlock {
  equals(other: unknown): boolean;
}

/** Already checked values, handed to a block's constructor in place of input. */
export class CheckedValues {
  readonly values: Record<string, unknown>;
  constructor(values: Record<string, unknown>) {
    this.values = values;
  }
  static [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === "object" && value !== null && checked in value;
  }
}
const checked = Symbol.for("ashlar.checked-values");
Object.defineProperty(CheckedValues.prototype, checked, { value: true });

/** Whether a value is a block class, of any copy. */
export function isBlockClass(value: unknown): value is AnyBlockClass {
  return typeof value === "function" && DEFINITION in value && (value as Partial<AnyBlockClass>)[DEFINITION] !== undefined;
}

/** Whether a value is a block instance, of any copy. */
export function isBlock(value: unknown): value is AnyBlock & { constructor: AnyBlockClass } {
  return typeof value === "object" && value !== null && isBlockClass(value.constructor);
}

/** Which document an instance came from. */
export interface DocumentLink {
  /** Identity of the document; stays when its name's content changes. */
  readonly id: string;
  /** Slug of its type. */
  readonly type: string;
  /** Its name. */
  readonly name: string;
  /** How often it was written, from 1; `null` where the store counts no revisions. */
  readonly revision: number | null;
  /** Whether this instance differs from what was loaded or saved. */
  readonly changed: boolean;
}

/** Where an instance keeps its link: an accessor of `Block`, so that every copy of Ashlar reads and writes it in the same way. */
export const LINK: unique symbol = Symbol.for("ashlar.link") as never;

/** The document that an instance came from or was saved as, or `null`. */
export function linkOf(block: object): DocumentLink | null {
  return (block as { [LINK]?: DocumentLink | null })[LINK] ?? null;
}

/** Remembers which document an instance stands for. */
export function setLink(block: object, link: DocumentLink): void {
  (block as { [LINK]?: DocumentLink })[LINK] = link;
}
