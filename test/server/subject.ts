/** Types, schemas and documents made through a server, as Prefect's tests make them. */
import { expect } from "vitest";
import type { Answered, Client } from "./serving.ts";

/** JSON of an answer. */
// biome-ignore lint/suspicious/noExplicitAny: what a server answers is looked into by each test
export type Body = any;

/** Makes a type and gives its id. */
export async function makeType(client: Client, slug: string, more: object = {}): Promise<string> {
  return idOf(await client.post("/block_types/", { name: slug, slug, ...more }));
}

/** Makes a schema of a type and gives its id. */
export async function makeSchema(client: Client, type: string, fields: object = {}, more: object = {}): Promise<string> {
  return idOf(await client.post("/block_schemas/", { block_type_id: type, fields, ...more }));
}

/** Id of what was made. */
export function idOf(answer: Answered): string {
  expect([answer.status, answer.text.slice(0, 200)]).toEqual([201, expect.any(String)]);
  return (answer.body as Body).id;
}

/** A type whose documents have a secret, a dictionary of secrets, and a public text. */
export const PART_FIELDS = {
  title: "Part",
  type: "object",
  properties: {
    a: { title: "A", type: "string", format: "password", writeOnly: true },
    b: { title: "B", type: "string" },
    c: { title: "C", type: "object" },
  },
  required: ["a"],
  secret_fields: ["a", "c.*"],
  block_type_slug: "part",
  block_schema_references: {},
};

/** What documents are made of. */
export interface Subject {
  readonly type: string;
  readonly schema: string;
  /** Makes a document and gives its id. */
  make(name: string, data?: object): Promise<string>;
  /** A reference to a document. */
  ref(id: string): object;
  /** A document with its secrets. */
  read(id: string): Promise<Body>;
  /** Its data. */
  data(id: string): Promise<Body>;
}

/** Makes the type `part` known. */
export async function subject(client: Client): Promise<Subject> {
  const type = await makeType(client, "part", { name: "Part" });
  const schema = await makeSchema(client, type, PART_FIELDS);
  const read = async (id: string) => (await client.get(`/block_documents/${id}?include_secrets=true`)).body as Body;
  return {
    ...{ type, schema, read },
    make: async (name, data = { a: "s3cr3t", b: "x" }) =>
      idOf(await client.post("/block_documents/", { name, data, block_schema_id: schema, block_type_id: type })),
    ref: (id) => ({ $ref: { block_document_id: id } }),
    data: async (id) => (await read(id)).data,
  };
}
