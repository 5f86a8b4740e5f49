/** Malformed requests by the thousand: none is a failure of the server's, none hangs, none is answered with what was sent. */
import { request } from "node:http";
import fc from "fast-check";
import { expect, test } from "vitest";
import { LIKE_PREFECT, STRICT } from "../../src/server/rules.ts";
import { serving } from "./serving.ts";
import { subject } from "./subject.ts";

const CANARY = "canary-c0ffee-value";

/** Values that no field expects, with a canary in each that can hold one. */
const junk: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false, 0, -1, 1.5, 1e300, 2 ** 53, "", "0", CANARY, "\u0000", "\ud800", "********", "../..", "a\n"),
    fc.string({ unit: "binary" }).map((text) => CANARY + text),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom("$ref", "block_document_id", "any_", "like_", "eq_", "all_", "operator", "name", "constructor", "x"),
      tie("value"),
      { maxKeys: 3 },
    ),
  ),
})).value;

const FIELDS = [
  "name",
  "slug",
  "fields",
  "data",
  "block_type_id",
  "block_schema_id",
  "is_anonymous",
  "version",
  "capabilities",
  "merge_existing_data",
];
const FILTERS = ["block_types", "block_schemas", "block_documents", "limit", "offset", "sort", "include_secrets"];

test.each([
  ["our rules", STRICT],
  ["Prefect's rules", LIKE_PREFECT],
])("bodies of every kind, under %s", { timeout: 120_000 }, async (_name, rules) => {
  const server = await serving({ settings: { rules } });
  const client = await server.client("admin");
  const { type, schema, make } = await subject(client);
  const id = await make("x", { a: "s3cr3t", c: { k: "s3cr3t" } });
  const good = fc.constantFrom(type, schema, id, "x", "part", {}, [], { a: "********" }, { c: { k: "********" } });
  const routes = server.app.routes.filter(({ method }) => method === "POST" || method === "PATCH");
  const path = fc.constantFrom(...routes).map((route) => [route.method, route.path.replace("{id:uuid}", id)] as const);
  const keys = fc.uniqueArray(fc.constantFrom(...FIELDS, ...FILTERS), { maxLength: 5 });
  const body = keys
    .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), fc.oneof(junk, good)))))
    .map((entries) => Object.fromEntries(entries));
  const text = fc.oneof(
    { arbitrary: body.map((value) => JSON.stringify(value)), weight: 6 },
    { arbitrary: junk.map((value) => JSON.stringify(value)), weight: 1 },
    {
      arbitrary: body.chain((value) => fc.nat({ max: JSON.stringify(value).length }).map((end) => JSON.stringify(value).slice(0, end))),
      weight: 1,
    },
    { arbitrary: fc.string({ unit: "binary", maxLength: 200 }).map((noise) => CANARY + noise), weight: 1 },
  );
  const kind = fc.constantFrom("application/json", "application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded");
  await fc.assert(
    fc.asyncProperty(path, text, kind, async ([method, at], sent, type_) => {
      const answer = await client.ask(method, at.replace("/api", ""), sent, { "content-type": type_ });
      expect([answer.status >= 500, answer.text.slice(0, 500)]).toEqual([false, expect.any(String)]);
      if (answer.status >= 400) expect(answer.text.toLowerCase()).not.toContain(CANARY);
    }),
    { numRuns: 3000 },
  );
  expect(server.log).toEqual([]);
  expect((await client.get("/health")).status).toBe(200);
});

test("paths and queries of every kind", { timeout: 120_000 }, async () => {
  const server = await serving();
  const client = await server.client("admin");
  await (await subject(client)).make("x-health");
  /** Sent as it is: fetch would make paths tidy. */
  const status = (path: string, authorization?: string) =>
    new Promise<number>((done, failed) => {
      const headers = authorization === undefined ? {} : { authorization };
      request({ port: server.listening.port, host: "127.0.0.1", path, headers }, (response) => done(response.resume().statusCode ?? 0))
        .on("error", failed)
        .end();
    });
  const segment = fc.oneof(
    fc.constantFrom(
      "api",
      "health",
      "ready",
      "x-health",
      "block_types",
      "block_documents",
      "slug",
      "part",
      "name",
      "filter",
      "..",
      ".",
      "",
      "%2e%2e",
      "%2f",
      "%00",
      "%ff",
      "csrf-token",
      "metrics",
      "ashlar",
    ),
    fc.string({ maxLength: 8 }).map(encodeURIComponent),
  );
  const query = fc.oneof(
    fc.constant(""),
    fc.string({ maxLength: 20 }).map((text) => `?${encodeURIComponent(text)}`),
    fc.constantFrom("?include_secrets=%ff", "?include_secrets", "?=&&=", "?client="),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(segment, { maxLength: 7 }), query, async (segments, asked) => {
      const path = `/${segments.join("/")}${asked}`;
      const open = /^\/(api\/)?(health|ready)\/?(\?|$)/.test(path);
      const [known, unknown] = [await status(path, client.authorization), await status(path)];
      expect([path, known < 500]).toEqual([path, true]);
      expect([path, unknown]).toEqual([path, open ? 200 : 401]);
    }),
    { numRuns: 2000 },
  );
  expect(server.log).toEqual([]);
});
