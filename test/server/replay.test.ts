/** Recorded exchanges with Prefect's real server, and of its real client, asked of ours; what differs is listed with its reason. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { isRawNumber, parseLossless } from "../../src/json.ts";
import { LIKE_PREFECT, STRICT } from "../../src/server/rules.ts";
import { SYSTEM_VERSION } from "../../src/server/system-types.ts";
import { type Client, serving } from "./serving.ts";

interface Exchange {
  readonly note: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly status: number;
  readonly response: unknown;
}

type Tree = { readonly [key: string]: unknown };

function fixture(name: string): unknown {
  return parseLossless(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8"));
}

const { scenarios } = fixture("wire-transcripts.json") as { scenarios: { scenario: string; exchanges: Exchange[] }[] };

const TWICE = "one slash too many or too few is no redirect here: one request, and no address made of a Host header";

/** What is answered otherwise, by scenario and place in it, and why. No status: the exchange is not asked, since more would differ after it. */
const DIFFERENCES: Readonly<Record<string, { readonly why: string; readonly status?: number; readonly response?: unknown }>> = {
  "connect_headers_block_types 2": { why: "no client is newer than this server", status: 200, response: "3.99.0" },
  "connect_headers_block_types 7": { why: TWICE, status: 422, response: { detail: "CSRF protection is disabled." } },
  "connect_headers_block_types 10": { why: TWICE, status: 200, response: [] },
  "connect_headers_block_types 11": { why: TWICE },
  "connect_headers_block_types 22": {
    why: "the answer is the type that was made, not another one of its name",
    status: 201,
    response: { name: "My Type", slug: "other-slug", id: "<uuid-4>", "...": "" },
  },
  "connect_headers_block_types 29": { why: "a type without a slug could not be asked for", status: 422, response: { "...": "" } },
  "block_documents_update_delete_protect_depth 14": {
    why: "a mask where nothing is stored is no failure of the server's",
    status: 422,
    response: { detail: "/c/zz is a mask, and nothing is stored there: send the value." },
  },
  "block_documents_update_delete_protect_depth 28": {
    why: "an unknown schema is no failure of the server's",
    status: 400,
    response: { detail: "Block schema not found" },
  },
  "block_documents_update_delete_protect_depth 73": {
    why: "what was made within one millisecond is in no order",
    status: 200,
    response: [
      { version: SYSTEM_VERSION, "...": "" },
      { version: SYSTEM_VERSION, "...": "" },
    ],
  },
};

/** What is answered otherwise everywhere: what was recorded, as it is here. */
function adapted(value: unknown, key = "", within = ""): unknown {
  if (isRawNumber(value) || value === null) return value;
  if (key === "input" || key === "request_body") return null; // what was sent is not repeated: it may hold a secret
  if ((key === "description" || key === "code_example") && typeof value === "string")
    return value.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&"); // kept as sent, as clients compare it
  if (key === "logo_url" && String(value).startsWith("https://cdn.sanity.io/")) return null; // of system types: left to clients
  if (key === "version" && value === "3.8.4") return SYSTEM_VERSION;
  if (key === "c" && within === "data" && JSON.stringify(value) === '{"k":"********"}') return "********"; // the keys of a SecretDict are secret, too
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map((item) => adapted(item, "", key));
  const tree = value as Tree;
  if (tree.type === "json_invalid" || tree.type === "uuid_parsing") return { type: tree.type, "...": "" }; // pydantic's wording differs from release to release, too
  if (key === "fields" && tree.block_type_slug === "parent" && !("definitions" in tree)) return { "...": "" }; // a schema does not change when another is deleted
  const inner = key === "data" || within === "data" ? "data" : key;
  return Object.fromEntries(Object.entries(tree).map(([name, item]) => [name, adapted(item, name, inner)]));
}

/** Lists whose items are in no particular order. */
function unordered(path: string, value: unknown): unknown {
  if (Array.isArray(value) && path.startsWith("/block_capabilities")) return value.toSorted();
  // an empty slug is refused here, so the type is not there
  return Array.isArray(value) && path === "/block_types/filter" ? value.filter((type) => (type as Tree).slug !== "") : value;
}

test.each(scenarios)("recorded of Prefect's server: $scenario", async ({ scenario, exchanges }) => {
  const { client } = await serving({ settings: { rules: LIKE_PREFECT } });
  const names = new Names();
  const admin = await client("admin");
  const found: string[] = [];
  for (const [index, exchange] of exchanges.entries()) {
    const { note, method, headers, body } = exchange;
    const difference = DIFFERENCES[`${scenario} ${index}`];
    if (difference && difference.status === undefined) continue;
    if (note === "52nd document of a reference chain") names.set("<uuid-15>", await chain(admin, names));
    const path = names.in(exchange.path.replace("1c402d793b7a4eedab37bec27d250ca7", names.in("<uuid-1>").replaceAll("-", "")));
    const { status = exchange.status, response = unordered(path, adapted(exchange.response)) } = difference ?? {};
    const text = body === null ? undefined : names.in(typeof body === "string" ? body : JSON.stringify(body));
    const answer = await admin.ask(method, path, text?.replaceAll('"3.8.4"', `"${SYSTEM_VERSION}"`), headers);
    const actual = answer.text === "" ? null : unordered(path, parseLossless(answer.text));
    const wrong = answer.status === status ? differences(response, actual, names, "") : [`${answer.status} for ${status}`];
    found.push(...wrong.map((each) => `${index} ${note} ${method} ${path}: ${each}`));
  }
  expect(found).toEqual([]);
});

/** Documents deep-2 to deep-50, each of which refers to the one before. @returns id of the last */
async function chain(admin: Client, names: Names): Promise<string> {
  let below = names.in("<uuid-14>");
  for (let depth = 2; depth <= 50; depth++) {
    const data = { value: "v", n: { $ref: { block_document_id: below } } };
    const body = { name: `deep-${depth}`, block_type_id: names.in("<uuid-10>"), block_schema_id: names.in("<uuid-12>"), data };
    const answer = await admin.post("/block_documents/", body);
    expect([depth, answer.status]).toEqual([depth, 201]);
    below = (answer.body as { id: string }).id;
  }
  return below;
}

/** The ids that stand for the names in a recording. */
class Names {
  readonly #ids = new Map<string, string>();

  set(name: string, id: string): void {
    this.#ids.set(name, id);
  }

  has(name: string): boolean {
    return this.#ids.has(name);
  }

  in(text: string): string {
    return text.replace(/<uuid-\d+>/g, (name) => this.#ids.get(name) ?? name);
  }
}

/** Where an answer is not what was recorded; names of ids are bound as they come. Of an object with `...` only the keys beside it count. */
function differences(expected: unknown, actual: unknown, names: Names, at: string): string[] {
  if (typeof expected === "string") return isText(expected, actual, names) ? [] : [`${at} is ${JSON.stringify(actual)}`];
  if (isRawNumber(expected) || typeof expected !== "object" || expected === null || typeof actual !== "object" || actual === null)
    return JSON.stringify(expected) === JSON.stringify(actual) ? [] : [`${at} is ${JSON.stringify(actual)}`];
  if (Array.isArray(expected) !== Array.isArray(actual)) return [`${at} is of another kind`];
  const [left, right] = [expected as Tree, actual as Tree];
  const some = Object.hasOwn(left, "...");
  const keys = new Set([...Object.keys(left), ...(some ? [] : Object.keys(right))].filter((key) => key !== "..."));
  return [...keys].flatMap((key) => {
    if (!Object.hasOwn(right, key)) return [`${at}/${key} is missing`];
    return Object.hasOwn(left, key) ? differences(left[key], right[key], names, `${at}/${key}`) : [`${at}/${key} is too much`];
  });
}

function isText(expected: string, actual: unknown, names: Names): boolean {
  if (typeof actual !== "string") return false;
  if (expected === "<timestamp>") return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(actual);
  if (/^<uuid-\d+>$/.test(expected) && !names.has(expected)) names.set(expected, actual);
  return names.in(expected) === actual;
}

interface Trace {
  readonly step: string;
  readonly outcome: string | null;
  readonly http: readonly Exchange[];
}

describe("recorded of Prefect's client", () => {
  const { traces } = fixture("client-http-traces.json") as { traces: Trace[] };

  test.each([
    ["Prefect's rules", LIKE_PREFECT],
    ["our rules", STRICT],
  ])("gets the same answers under %s", async (_name, rules) => {
    const { client } = await serving({ settings: { rules } });
    const python = await client("admin");
    const names = new Names();
    const types = new Map<string, string>();
    let [schema, document] = ["", ""];
    for (const { step, outcome, http } of traces) {
      for (const { method, path, body, status } of http) {
        for (const [name] of path.matchAll(/(?<=client=)<uuid-\d+>/g)) names.set(name, randomUUID());
        const {
          block_type_id = "",
          block_schema_id = "",
          fields,
        } = (body ?? {}) as { block_type_id?: string; block_schema_id?: string; fields?: Tree };
        if (fields && !names.has(block_type_id)) names.set(block_type_id, types.get(String(fields.block_type_slug)) ?? "");
        if (block_schema_id && !names.has(block_schema_id)) names.set(block_schema_id, schema);
        const text = body === null ? undefined : names.in(JSON.stringify(body));
        const answer = await python.ask(method, names.in(path.replace(/^\/api/, "")), text);
        const expected = path.includes("/csrf-token") && rules.csrf ? 200 : status;
        expect([step, method, path, answer.status]).toEqual([step, method, path, expected]);
        const { id, slug } = (answer.body ?? {}) as { id?: string; slug?: string };
        if (id !== undefined && path.startsWith("/api/block_types/") && slug !== undefined) types.set(slug, id);
        else if (id !== undefined && path.startsWith("/api/block_schemas/")) schema = id;
        else if (id !== undefined) document = id;
      }
      const [name] = /<uuid-\d+>/.exec(outcome ?? "") ?? [];
      if (name !== undefined && !names.has(name)) names.set(name, document);
    }
    expect(http(traces)).toBeGreaterThan(80);
  });
});

function http(traces: readonly Trace[]): number {
  return traces.reduce((sum, trace) => sum + trace.http.length, 0);
}
