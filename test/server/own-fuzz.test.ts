/** Malformed requests of our own API by the thousand: none is a failure of the server's, none is answered with what was sent. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { API_PATH } from "../../src/api/shapes.ts";
import { ownRoutes } from "../../src/server/own-routes.ts";
import { at, part, partSchema, register } from "../../src/testing/store-subject.ts";
import { serving } from "./serving.ts";

const CANARY = "canary-c0ffee-value";

/** Values that no field expects, with a canary in each that can hold one. */
const junk: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom(null, true, false, -1, 1.5, 1e300, 2 ** 60, "", CANARY, `${CANARY}\u0000\ud800`, "/a", "//", "~", "********"),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom("/a", "/a/b", "/", "token", "set", "keep", "clear", "id", "type", "name", "constructor", "__proto__"),
      tie("value"),
      { maxKeys: 3 },
    ),
  ),
})).value;

/** Values of which some would do. */
const likely = fc.oneof(
  fc.constantFrom<unknown>(
    { "/token": { keep: true } },
    { "/a": { set: CANARY } },
    { "/a": { keep: "/token" } },
    { "/r": { type: "part", name: "one" } },
  ),
  fc.constantFrom<unknown>(
    { token: null },
    { text: CANARY, list: [null] },
    partSchema().checksum,
    "part",
    ["viewer"],
    null,
    partSchema().fields,
    "non-versioned",
  ),
);

const FIELDS = [
  "schema",
  "version",
  "anonymous",
  "data",
  "references",
  "secrets",
  "ids",
  "name",
  "roles",
  "types",
  "names",
  "expires",
  "checksum",
  "type",
  "fields",
  "protected",
];

it("is none of the server's failures, and nothing of it comes back", { timeout: 120_000 }, async () => {
  const server = await serving({ routes: ownRoutes });
  await register(server.store);
  await server.store.save(part("one"));
  const client = await server.client("admin");
  const routes = server.app.routes.filter(({ path, method }) => path.startsWith(API_PATH) && method !== "DELETE");
  const id = (await server.store.inspect(at("one"))).id;
  const path = fc
    .constantFrom(...routes)
    .map(
      ({ method, path: route }) =>
        [method, route.replaceAll(/\{(\w+)(:uuid)?\}/g, (_whole, name: string) => ({ id, name: "one" })[name] ?? "part")] as const,
    );
  const body = fc
    .uniqueArray(fc.constantFrom(...FIELDS), { maxLength: 6 })
    .chain((names) => fc.tuple(...names.map((name) => fc.tuple(fc.constant(name), fc.oneof(junk, likely)))))
    .map((entries) => JSON.stringify(Object.fromEntries(entries)));
  const text = fc.oneof(
    { arbitrary: body, weight: 6 },
    junk.map((value) => JSON.stringify(value)),
    body.chain((whole) => fc.nat({ max: whole.length }).map((end) => whole.slice(0, end))),
  );
  const query = fc.constantFrom(
    "",
    "?overwrite=true",
    "?limit=0",
    "?after=x",
    "?anonymous=perhaps",
    "?id=x",
    "?checksum=&version=",
    "?type=%00",
    "?update=1",
  );
  const header = fc.constantFrom<Record<string, string>>({}, { "if-none-match": "*" }, { "if-match": '"1"' }, { "if-match": "x" });
  await fc.assert(
    fc.asyncProperty(path, text, query, header, async ([method, route], sent, asked, headers) => {
      const answer = await client.ask(method, `/${route}${asked}`, method === "GET" ? undefined : sent, headers);
      expect([route, answer.status < 500]).toEqual([route, true]);
      if (answer.status >= 400) expect(answer.text).not.toContain(CANARY);
    }),
    { numRuns: 3000 },
  );
  expect(server.log).toEqual([]);
  expect((await client.get("/ashlar/v1/me")).status).toBe(200);
});
