/**
 * Who gets in, made from the server's own table of routes: every route × every way of having no right to it. And that whoever has a token for a part of the
 * store is told the same, whether the rest is there or not.
 */
import { randomUUID } from "node:crypto";
import { describe, expect, it } from "vitest";
import { ROLES, type Role } from "../../src/access-token.ts";
import type { Json } from "../../src/json.ts";
import type { Route } from "../../src/server/exchange.ts";
import { ownRoutes } from "../../src/server/own-routes.ts";
import { STRICT } from "../../src/server/rules.ts";
import type { AccessTokens } from "../../src/stores/access-tokens.ts";
import { over, part, partSchema, partType, register } from "../../src/testing/store-subject.ts";
import { type Answered, type Client, type Serving, serving } from "./serving.ts";

/** Stands in all that belongs to a hidden document, by its type. */
const CANARIES: Readonly<Record<string, string>> = { hidden: "canary-of-type-71", part: "canary-of-name-72" };
/** Without the check for forged requests, which would refuse before anyone asks who it is. */
const settings = { rules: { ...STRICT, csrf: false } };
const start = () => serving({ routes: ownRoutes, settings });

/** What a request may be about. */
interface Ids {
  readonly type: string;
  readonly name: string;
  readonly document: string;
  readonly typeId: string;
  readonly schema: string;
}
const nothing: Ids = { type: "part", name: "none", document: randomUUID(), typeId: randomUUID(), schema: randomUUID() };

/** A path of a route, about something. */
function pathOf({ path }: Route, ids: Ids): string {
  const id = path.includes("block_types/{id") ? ids.typeId : path.includes("schemas/{id") ? ids.schema : ids.document;
  const values: Readonly<Record<string, string>> = {
    id,
    slug: ids.type,
    type: ids.type,
    name: ids.name,
    checksum: partSchema("1.0", ids.type).checksum,
  };
  return path.replaceAll(/\{(\w+)(:uuid)?\}/g, (_whole, name: string) => encodeURIComponent(values[name] ?? "?"));
}

/** A body that would do, were it let in. */
function bodyOf({ method, path }: Route, ids: Ids): Json | undefined {
  if (method === "GET" || method === "DELETE") return undefined;
  if (path.endsWith("/query")) return { ids: [ids.document] };
  if (path.endsWith("/block_types/")) return { name: "Some type", slug: ids.type };
  if (path.endsWith("/block_schemas/")) return { fields: JSON.parse(partSchema("9", ids.type).fields) as Json, block_type_id: ids.typeId };
  if (path.endsWith("/block_documents/"))
    return { name: "new", data: { text: "t" }, block_schema_id: ids.schema, block_type_id: ids.typeId };
  if (method === "PATCH") return path.includes("types") ? { description: "changed" } : { data: { text: "changed" } };
  if (path.endsWith("/v1/types/{slug}")) return { name: "Other name" };
  if (path.endsWith("/v1/schemas")) return partSchema("9", ids.type) as unknown as Json;
  if (path.endsWith("/tokens")) return { name: "mine", roles: ["admin"] };
  if (method === "PUT") return { schema: partSchema().checksum, data: {} };
  return { include_secrets: true };
}

const HEADERS = { "if-none-match": "*" };
const QUERY = "include_secrets=true&overwrite=true&update=true&cascade=true";

function send(client: Client, route: Route, ids: Ids = nothing): Promise<Answered> {
  return client.ask(route.method, `/${pathOf(route, ids)}?${QUERY}`, bodyOf(route, ids), HEADERS);
}

describe("every route", () => {
  it("asks for a right, but those that say whether the server lives", async () => {
    const { app } = await start();
    expect(app.routes.length).toBeGreaterThan(50);
    expect(app.routes.filter(({ needs }) => needs === null).map(({ path }) => path)).toEqual([
      "/health",
      "/api/health",
      "/ready",
      "/api/ready",
    ]);
  });

  it("refuses no token, none that is one, one that is misspelt, of another store, expired, revoked, or with another's name", async () => {
    const server = await start();
    const tokens = server.store.accessTokens as AccessTokens;
    const make = async (name: string, expires: string | null = null) =>
      (await tokens.create({ name, roles: ["admin"], types: null, names: null, expires })).text.reveal();
    const [good, expired, revoked] = [
      await make("good"),
      await make("expired", new Date(Date.now() - 1).toISOString()),
      await make("revoked"),
    ];
    await tokens.revoke("revoked");
    const foreign = await (await start()).client("admin");
    const basic = (text: string) => `Basic ${Buffer.from(text).toString("base64")}`;
    const bad = [
      ...[
        undefined,
        "",
        "Bearer",
        "Bearer ",
        "Basic ",
        basic(""),
        basic(":"),
        "Bearer nonsense",
        basic("admin:admin"),
        "Negotiate abc",
        foreign.authorization,
      ],
      ...[
        `Bearer ${good.slice(0, -1)}`,
        `Bearer ${good}0`,
        `Bearer ${good.replace("1_", "1_A")}`,
        `Bearer ${expired}`,
        `Bearer ${revoked}`,
      ],
      ...[
        basic(`other:${good}`),
        basic(`${good}:good`),
        `Basic ${good}`,
        `Bearer ${basic(good)}`,
        basic(`expired:${expired}`),
        `Bearer\t${good}x`,
      ],
    ];
    for (const route of server.app.routes.filter(({ needs }) => needs !== null))
      for (const authorization of bad) {
        const { status, text } = await send(server.stranger(authorization), route);
        expect([route.path, authorization?.slice(0, 12), [401, 429].includes(status)]).toEqual([
          route.path,
          authorization?.slice(0, 12),
          true,
        ]);
        expect(JSON.parse(text)).toEqual({
          exception_message: expect.stringMatching(/^(Unauthorized|Too many requests without a good access token\.)$/),
        });
      }
    for (const authorization of [`Bearer ${good}`, basic(good), basic(`good:${good}`)])
      expect((await server.stranger(authorization).get("/ashlar/v1/me")).status).toBe(200); // however many were refused
    expect(server.audit.entries).toEqual([]);
  });

  it("refuses every role without the right to it, before it looks at anything", async () => {
    const server = await start();
    await register(server.store);
    for (const role of Object.keys(ROLES) as Role[]) {
      const client = await server.client(role);
      for (const route of server.app.routes) {
        const lacks = route.needs !== null && !(ROLES[role] as readonly string[]).includes(route.needs);
        if (!lacks) continue;
        for (const ids of [nothing, { ...nothing, type: "part" }])
          expect([role, route.path, (await send(client, route, ids)).status]).toEqual([role, route.path, 403]);
      }
    }
    expect(await server.store.types()).toHaveLength(1);
    expect(server.audit.entries.filter(({ outcome }) => outcome === "done")).toEqual([]);
  });

  it("lets in whoever has the right", async () => {
    const server = await start();
    const admin = await server.client("admin");
    for (const route of server.app.routes) {
      const { status } = await send(admin, route);
      expect([route.path, [401, 429].includes(status)]).toEqual([route.path, false]);
      expect([route.path, status < 500]).toEqual([route.path, true]);
    }
  });
});

/** A store with something of its own, and something hidden from scoped tokens: of another type, and of another name. */
async function world(): Promise<{ server: Serving; hidden: Ids; sibling: Ids }> {
  const server = await start();
  const { store } = server;
  await register(store);
  await register(store, { ...partType, slug: "hidden", name: `Hidden ${CANARIES.hidden}`, description: "d" });
  for (const name of ["x-1", "x-2"]) await store.save(part(name));
  await store.save({ ...part("x-made-up"), anonymous: true });
  const about = async (type: string, name: string): Promise<Ids> => {
    const text = CANARIES[type] ?? "";
    const saved = await store.save(part(name, { type, data: { text }, secrets: { "/token": text } }));
    const [typeId, schema] = [(await store.type({ slug: type }))?.id ?? "", (await store.schema({ type }))?.id ?? ""];
    return { type, name, document: saved.id, typeId, schema };
  };
  const hidden = await about("hidden", "x-1");
  const sibling = await about("part", "y-1");
  for (const [type, name] of [
    ["hidden", "x-2"],
    ["part", "y-2"],
  ] as const)
    await store.save({ ...part(name, { type }), anonymous: true });
  return { server, hidden, sibling };
}

/** An answer without what differs from one to the next. */
function steady({ status, headers, text }: Answered): unknown {
  const kept = [...headers].filter(([name]) => !["date", "x-request-id", "content-length"].includes(name));
  const isToken = /"(token|expiration|created|updated|id|client)":"[^"]*"/g;
  return [status, kept, text.replace(/"request":"[^"]*"/g, "").replace(text.includes('"expiration"') ? isToken : /$^/, "")];
}

describe("who has a token for a part of the store", () => {
  const scopes = [{ types: ["part"] }, { names: ["x-*"] }, { types: ["part"], names: ["x-*"] }];

  it.each(scopes)("%o: is refused by every route that is about the rest, and shown nothing of it in any list or count", async (scope) => {
    const { server, hidden, sibling } = await world();
    const client = await server.client(["viewer", "user", "editor"], scope);
    const all = JSON.stringify([
      await server.store.list(),
      await server.store.list({ anonymous: true }),
      await server.store.types(),
      await server.store.schemas(),
    ]);
    const beyond = [...("types" in scope ? [hidden] : []), ...("names" in scope ? [sibling] : [])];
    const whole = (path: string) =>
      path.endsWith("types/{slug}") || /types\/\{id|schemas|types\/slug\/\{slug\}$|types\/\{slug\}\/schema/.test(path);
    for (const route of server.app.routes)
      for (const ids of beyond) {
        const answer = await send(client, route, ids);
        const about = `${route.method} ${route.path} ${ids.type}/${ids.name}: ${answer.status}`;
        expect([about, answer.text.includes(CANARIES[ids.type] ?? "")]).toEqual([about, false]);
        const aimed = /\{(id|slug|type|name|checksum)/.test(route.path) && !route.path.endsWith("/block_documents");
        const mayKnow = ids === sibling && whole(route.path) && route.method === "GET"; // a type and its schemas are no one document's
        if (aimed && !mayKnow) expect([about, answer.status >= 400 && answer.status < 500]).toEqual([about, true]);
        if (route.method !== "GET" && route.needs === "write") expect([about, answer.status >= 400]).toEqual([about, true]);
      }
    expect(
      JSON.stringify([
        await server.store.list(),
        await server.store.list({ anonymous: true }),
        await server.store.types(),
        await server.store.schemas(),
      ]),
    ).toBe(all);
  });

  it.each(scopes)("%o: is told the same by every route, whether the rest is there or not", async (scope) => {
    const { server, hidden, sibling } = await world();
    const client = await server.client(["viewer", "user", "editor"], scope);
    const quiet = server.app.routes.filter(
      ({ path, needs, method }) => path !== "/metrics" && needs !== null && (needs !== "write" || method !== "GET"),
    );
    const beyond = [...("types" in scope ? [hidden] : []), ...("names" in scope ? [sibling] : [])];
    const everything = async (client: Client) => {
      const answers: Record<string, unknown> = {};
      for (const route of quiet)
        for (const [index, ids] of [...beyond, nothing].entries()) {
          if (route.needs === "write" && (ids === nothing || ids === sibling)) continue; // would change what is theirs
          answers[`${route.method} ${route.path} ${index}`] = steady(await send(client, route, ids));
        }
      return answers;
    };
    const unscoped = await server.client("viewer");
    const [before, seen] = [await everything(client), await everything(unscoped)];
    if ("types" in scope) await server.store.deleteType("hidden", { cascade: true });
    if ("names" in scope) for (const name of ["y-1", "y-2"]) await server.store.delete({ type: "part", name });
    expect(await everything(client)).toEqual(before);
    expect(await everything(unscoped)).not.toEqual(seen); // whoever may see all does see it
  });

  it("is refused a document that refers to the rest, with the path; in lists it stands without what it holds", async () => {
    const { server, hidden } = await world();
    const target = await server.store.inspect({ id: hidden.document });
    const leads = await server.store.save(over("leads", target));
    await server.store.save(over("far", leads));
    const client = await server.client(["viewer", "user", "editor"], { types: ["part"] });
    for (const [name, path] of [
      ["leads", "/x-1"],
      ["far", "/leads/x-1"],
    ] as const)
      for (const route of [
        `/ashlar/v1/secrets/part/${name}`,
        `/block_types/slug/part/block_documents/name/${name}?include_secrets=true`,
        `/block_types/slug/part/block_documents/name/${name}`,
      ]) {
        const { status, text } = await client.get(route);
        expect([route, status, text.includes(`${path} to a document`)]).toEqual([route, 403, true]);
      }
    expect((await client.get("/ashlar/v1/documents/part/leads")).status).toBe(403);
    const { documents } = (await client.get("/ashlar/v1/documents?type=part")).body as {
      documents: { name: string; denied?: string[]; data: object }[];
    };
    expect(documents.find(({ name }) => name === "leads")).toMatchObject({ denied: ["/x-1"], data: {}, references: {}, secrets: {} });
    const { items } = (await client.get("/ashlar/v1/secrets")).body as {
      items: { name: string; error?: { code: string; path?: string } }[];
    };
    expect(items.filter(({ error }) => error).map(({ name, error }) => [name, error?.code, error?.path])).toEqual([
      ["far", "ERR_DENIED", "/leads/x-1"],
      ["leads", "ERR_DENIED", "/x-1"],
    ]);
    expect(server.answers.filter((each) => each.includes(CANARIES.hidden ?? ""))).toEqual([]);
  });

  it("can neither refer to the rest nor find out what is there by trying", async () => {
    const { server, hidden } = await world();
    const client = await server.client(["viewer", "user", "editor"], { types: ["part"] });
    const put = (reference: object) =>
      client.ask(
        "PUT",
        "/ashlar/v1/documents/part/new",
        { schema: partSchema().checksum, data: {}, references: { "/r": reference } },
        HEADERS,
      );
    const [there, gone] = [
      await put({ id: hidden.document, type: "part", name: "x-1" }),
      await put({ id: randomUUID(), type: "part", name: "x-1" }),
    ];
    expect([there.status, steady(there)]).toEqual([403, steady(gone)]);
    const [named, other] = [await put({ type: "hidden", name: "x-1" }), await put({ type: "hidden", name: "none" })];
    expect([named.status, steady(named)]).toEqual([403, steady(other)]);
  });
});
