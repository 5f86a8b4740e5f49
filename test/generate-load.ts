/**
 * Run by generate.test.ts as a process of its own, since Node runs TypeScript outside of node_modules only: imports generated modules as a program
 * would, and loads documents with their classes. Prints one line of JSON: what each module exports, and what became of each document.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type AnyBlockClass, DEFINITION, isBlockClass } from "../src/definition.ts";
import { toDraft } from "../src/document.ts";
import { byName } from "../src/fields.ts";
import { openStore, type Store } from "../src/index.ts";
import { type Json, type JsonObject, pointerParts } from "../src/json.ts";
import { checksumOf } from "../src/schema.ts";
import { classFromSchema } from "../src/schema-class.ts";

/** A generated module, and documents of the type that it was asked for. */
export interface Case {
  readonly file: string;
  readonly type: string;
  readonly fields: string;
  readonly documents: readonly Json[];
}

/** What became of it. */
export interface Outcome {
  readonly exports: readonly string[];
  /** Slug → checksum, of each class. */
  readonly checksums: Readonly<Record<string, string>>;
  /** Each document as it is after it was stored, loaded by the generated class, and taken apart again; or the error. */
  readonly loaded: readonly { readonly whole?: Json; readonly error?: string }[];
}

type Loadable = AnyBlockClass & { load(name: string, options: { store: Store }): Promise<object> };

async function outcomeOf({ file, type, fields, documents }: Case): Promise<Outcome> {
  const exported = (await import(pathToFileURL(join(folder, file)).href)) as Record<string, unknown>;
  const classes = Object.values(exported).filter(isBlockClass) as Loadable[];
  const cls = classes.find((each) => each[DEFINITION].slug === type) as Loadable;
  const loaded = [];
  for (const document of documents) loaded.push(await reloaded(cls, fields, document).catch((error: Error) => ({ error: error.message })));
  return {
    exports: Object.keys(exported),
    checksums: Object.fromEntries(classes.map((each) => [each[DEFINITION].slug, checksumOf(each)])),
    loaded,
  };
}

/** Stores a document as the command line would, which has no class, and loads it as a program does. */
async function reloaded(cls: Loadable, fields: string, document: Json): Promise<{ whole: Json }> {
  const store = await openStore("memory:");
  const untyped = classFromSchema({ type: cls[DEFINITION].slug, fields });
  const made = new untyped(byName(untyped[DEFINITION], document as JsonObject));
  await store.save(toDraft(made, "x"));
  const { data, secrets } = toDraft((await cls.load("x", { store })) as never, "x");
  const whole = structuredClone(data) as Record<string, Json>;
  for (const [at, secret] of Object.entries(secrets)) {
    const parts = pointerParts(at);
    const holder = parts.slice(0, -1).reduce((node: Json, part) => (node as Record<string, Json>)[part] as Json, whole) as Record<
      string,
      Json
    >;
    holder[parts.at(-1) as string] = secret.reveal();
  }
  return { whole };
}

const [, , folder = ""] = process.argv;
const cases = JSON.parse(readFileSync(join(folder, "cases.json"), "utf8")) as Case[];
const outcomes: Outcome[] = [];
for (const each of cases) outcomes.push(await outcomeOf(each));
if ("broken" in globalThis) throw new Error("A generated module ran what its schema says.");
process.stdout.write(JSON.stringify(outcomes));
