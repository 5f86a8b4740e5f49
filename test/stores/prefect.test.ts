/**
 * The Prefect store against stand-ins that answer single requests: what can hardly be had of a real server, such as lost answers and lists that change
 * while they are read, and Prefect Cloud, which cannot be run here. The contract itself runs against a real server in test/interop.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { WebSocketServer } from "ws";
import { schemaChecksum } from "../../src/checksum.ts";
import type { OpenOptions } from "../../src/current-store.ts";
import { openStore, type Store } from "../../src/index.ts";
import { Secret } from "../../src/secret.ts";
import type { Draft } from "../../src/stores/store.ts";
import { type Asked, answer, type Reply, startDouble } from "../prefect/double.ts";
import { temporaryFolder } from "../temporary.ts";

const TIME = "2026-08-21T09:27:14.565070Z";
const FIELDS = {
  title: "Part",
  type: "object",
  properties: { text: { type: "string" }, token: { type: "string", format: "password", writeOnly: true } },
  block_type_slug: "part",
  secret_fields: ["token"],
  block_schema_references: {},
};
const CHECKSUM = schemaChecksum(FIELDS);
const TYPE = {
  id: "t1",
  created: TIME,
  updated: TIME,
  name: "Part",
  slug: "part",
  logo_url: null,
  documentation_url: null,
  description: null,
  code_example: null,
  is_protected: false,
};
const SCHEMA = {
  id: "s1",
  created: TIME,
  updated: TIME,
  checksum: CHECKSUM,
  fields: FIELDS,
  block_type_id: "t1",
  block_type: TYPE,
  capabilities: [],
  version: "1",
};

function wire(name: string, more: object = {}): object {
  const head = { id: `id-${name}`, created: TIME, updated: TIME, name, data: { text: name, token: "********" }, is_anonymous: false };
  const type = { block_schema_id: "s1", block_schema: SCHEMA, block_type_id: "t1", block_type_name: "Part", block_type: TYPE };
  return { ...head, ...type, block_document_references: {}, ...more };
}

const draft: Draft = {
  type: "part",
  name: "one",
  schema: CHECKSUM,
  data: { text: "one", token: null },
  references: {},
  secrets: { "/token": new Secret("canary") },
};
const NONE: Reply = { status: 404, body: { detail: "Block document not found" } };
const TAKEN: Reply = { status: 409, body: { detail: "Block already exists" } };

/** A store over a stand-in that knows the one schema; each other request is answered by the function. */
async function storeOver(
  reply: (asked: Asked) => Reply,
  options: OpenOptions = {},
  path = "",
): Promise<{ store: Store; asked: () => string[]; calls: readonly Asked[] }> {
  const double = await startDouble((asked) =>
    asked.path.includes("/block_schemas/checksum/") ? { status: 200, body: SCHEMA } : reply(asked),
  );
  vi.stubEnv("PREFECT_HOME", temporaryFolder());
  vi.stubEnv("PREFECT_API_KEY", undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
  const store = await openStore(`prefect+${double.apiUrl}${path}`, options);
  onTestFinished(() => store.close());
  const asked = () => double.asked.map((each) => `${each.method} ${each.path.replace(`/api${path}`, "").replace(/sha256.*/, "…")}`);
  return { store, asked, calls: double.asked };
}

describe("a create", () => {
  test("whose answer is lost is of unknown outcome, and is not sent again", async () => {
    const { store, asked } = await storeOver(() => (_asked, response) => response.destroy());
    await expect(store.save(draft)).rejects.toMatchObject({ code: "ERR_OUTCOME_UNKNOWN" });
    expect(asked()).toEqual(["GET /block_schemas/checksum/…", "POST /block_documents/"]);
  });

  test("of an anonymous document, whose name is nobody else's, is sent again and found", async () => {
    let posts = 0;
    const { store } = await storeOver(({ method }) => {
      if (method !== "POST") return { status: 200, body: wire("made-up", { is_anonymous: true }) };
      return posts++ === 0 ? (_asked, response) => response.destroy() : TAKEN;
    });
    const saved = await store.save({ ...draft, name: "made-up", anonymous: true });
    expect([saved.id, saved.anonymous, posts]).toEqual(["id-made-up", true, 2]);
  });

  test("sends the secret in clear and shows it in no error, whatever the server repeats", async () => {
    for (const status of [400, 409, 422, 500]) {
      const { store, calls } = await storeOver(({ path }) =>
        path.endsWith("/block_documents/")
          ? { status, body: { detail: 'canary integrity "canary"', exception_message: "canary", request_body: { token: "canary" } } }
          : { status: 200, body: [] },
      );
      const error: unknown = await store.save(draft).catch((thrown: unknown) => thrown);
      const { inspect } = await import("node:util");
      expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("canary");
      expect(calls.some(({ body }) => body.includes('"token":"canary"'))).toBe(true);
    }
  });
});

describe("an overwrite", () => {
  test("asks, writes anew and asks: three requests; a new name takes two", async () => {
    const there = await storeOver(({ method }) => (method === "PATCH" ? { status: 204 } : { status: 200, body: wire("one") }));
    await there.store.save(draft, { overwrite: true });
    expect(there.asked().slice(1)).toEqual([
      "GET /block_types/slug/part/block_documents/name/one?include_secrets=false",
      "PATCH /block_documents/id-one",
      "GET /block_documents/id-one?include_secrets=false",
    ]);
    expect(JSON.parse(there.calls[2]?.body ?? "")).toEqual({
      block_schema_id: "s1",
      data: { text: "one", token: "canary" },
      merge_existing_data: false,
    });
    const gone = await storeOver(({ method }) => (method === "POST" ? { status: 201, body: wire("one") } : NONE));
    await gone.store.save(draft, { overwrite: true });
    expect(gone.asked().length).toBe(3);
  });

  test("whose answers are lost is done again until one comes", async () => {
    let lost = 0;
    const { store } = await storeOver(({ method }) => {
      if (method === "PATCH") return lost++ === 0 ? (_asked, response) => response.destroy() : { status: 204 };
      return { status: 200, body: wire("one") };
    });
    expect((await store.save(draft, { overwrite: true })).id).toBe("id-one");
    expect(lost).toBe(2);
  });

  test("goes on when the document comes or goes in between, and says so when that does not end", async () => {
    let step = 0;
    const steps: Reply[] = [
      NONE,
      TAKEN,
      { status: 200, body: wire("one") },
      { status: 404, body: { detail: "Block document not found" } },
      NONE,
      { status: 201, body: wire("one") },
    ];
    const { store } = await storeOver(() => steps[step++] as Reply);
    expect((await store.save(draft, { overwrite: true })).name).toBe("one");
    expect(step).toBe(6);
    const restless = await storeOver(({ method }) => (method === "POST" ? TAKEN : NONE));
    await expect(restless.store.save(draft, { overwrite: true })).rejects.toMatchObject({ code: "ERR_CONFLICT" });
  });
});

describe("a list", () => {
  const many = (count: number) => Array.from({ length: count }, (_, index) => wire(`n${String(index).padStart(4, "0")}`));
  const paged =
    (all: object[]) =>
    (asked: Asked): Reply => {
      const {
        offset = 0,
        limit = 200,
        block_documents: filter,
      } = JSON.parse(asked.body) as { offset?: number; limit?: number; block_documents: { id?: { any_: string[] } } };
      const of = filter.id ? all.filter((each) => filter.id?.any_.includes((each as { id: string }).id)) : all;
      return { status: 200, body: of.slice(offset, offset + limit) };
    };

  test("of 450 documents takes three requests, its next page asks only for what is left", async () => {
    const { store, asked } = await storeOver(paged(many(450)));
    const first = await store.list({ type: "part", limit: 400 });
    expect([first.length, asked().length]).toEqual([400, 3]);
    const second = await store.list({ type: "part", limit: 400, after: first.at(-1) });
    expect([second.map(({ name }) => name)[0], second.length, asked().length]).toEqual(["n0400", 50, 4]);
    expect((await store.list({ type: "part", after: { type: "part", name: "n0447" } })).map(({ name }) => name)).toEqual([
      "n0448",
      "n0449",
    ]);
  });

  test("that changes while it is read is read anew, and holds each document once", async () => {
    const all = many(450);
    let asks = 0;
    const { store } = await storeOver((asked) => {
      if (++asks === 2) all.shift(); // all that follows moves by one
      return paged(all)(asked);
    });
    const names = (await store.names({ type: "part" })).map(({ name }) => name);
    expect(names).toEqual(all.map((each) => (each as { name: string }).name));
    const restless = await storeOver((asked) => {
      all.shift();
      return paged(all)(asked);
    });
    expect(new Set((await restless.store.names()).map(({ name }) => name)).size).toBeGreaterThan(400);
  });

  test("has the contract's order, whatever the server's collation is", async () => {
    const { store } = await storeOver(paged(["ab", "a-b", "a", "b"].map((name) => wire(name))));
    expect((await store.list()).map(({ name }) => name)).toEqual(["a", "a-b", "ab", "b"]);
  });
});

test("a delete that fails half way says what is gone", async () => {
  const child = { block_document: { id: "id-child", name: "child", block_type: TYPE, is_anonymous: false, block_document_references: {} } };
  const all = [wire("child"), wire("parent", { block_document_references: { c: child } })];
  const { store } = await storeOver(({ method, path }) => {
    if (method === "POST") return { status: 200, body: all };
    return path.endsWith("id-parent") ? { status: 204 } : { status: 403, body: { detail: "Forbidden" } };
  });
  await expect(store.delete({ type: "part", name: "child" })).rejects.toMatchObject({
    code: "ERR_REFERENCED",
    details: { documents: ["part/parent"] },
  });
  await expect(store.delete({ type: "part", name: "child" }, { cascade: true })).rejects.toMatchObject({
    code: "ERR_DENIED",
    message: expect.stringMatching(/Deleted before that: part\/parent\.$/),
  });
});

describe("Prefect Cloud, played by a stand-in with the documented shapes", () => {
  const workspace = "/accounts/a1/workspaces/w1";

  test("is used below the workspace, by the key, without CSRF; what it says more is no matter", async () => {
    const { store, calls } = await storeOver(
      ({ method, path }) => {
        if (path.includes("/name/none")) return NONE;
        const body = { ...wire("one", { data: { text: "one", token: "canary" } }), actor_id: "a", workspace_id: "w1", etag: 5 };
        return { status: method === "POST" ? 201 : 200, body };
      },
      {},
      workspace,
    );
    vi.stubEnv("PREFECT_API_KEY", "pnu_key");
    vi.stubEnv("PREFECT_CLOUD_API_URL", store.url.replace("prefect+", "").replace(workspace, ""));
    const cloud = await openStore(store.url);
    onTestFinished(() => cloud.close());
    await cloud.save(draft);
    expect((await cloud.load({ type: "part", name: "one" }))[0]?.secrets["/token"]?.reveal()).toBe("canary");
    await expect(cloud.load({ type: "part", name: "none" })).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
    expect(
      calls.every(({ path, headers }) => path.startsWith(`/api${workspace}/block_`) && headers.authorization === "Bearer pnu_key"),
    ).toBe(true);
  });

  test("that does not allow it says so, and never that a type is protected or a document not there", async () => {
    for (const [status, detail] of [
      [403, "Forbidden"],
      [404, "Workspace not found"],
      [404, "Not Found"],
    ] as const) {
      const { store } = await storeOver(() => ({ status, body: { detail } }), {}, workspace);
      for (const use of [
        async () => store.load({ type: "part", name: "one" }),
        () => store.deleteType("part"),
        () => store.save(draft, { overwrite: true }),
      ]) {
        const error = (await use().catch((thrown: unknown) => thrown)) as { code: string };
        expect(error.code).toBe(status === 403 ? "ERR_DENIED" : "ERR_NO_STORE");
      }
    }
  });
});

describe("events of loads", () => {
  interface Heard {
    readonly headers: Record<string, unknown>;
    readonly protocol: string;
    readonly texts: { type?: string; token?: unknown; event?: string; resource?: unknown; related?: unknown }[];
  }

  /** A server of documents and of the events' WebSocket, with the handshake of protocol.md §1.6. */
  async function listening(accept = true): Promise<{ url: string; heard: Heard[] }> {
    const heard: Heard[] = [];
    const server = createServer((request, response) =>
      answer(response, { status: 200, body: request.url?.includes("/api/") ? wire("one", { data: { text: "one", token: "s" } }) : {} }),
    );
    const sockets = new WebSocketServer({ noServer: true, handleProtocols: (given) => (given.has("prefect") ? "prefect" : false) });
    server.on("upgrade", (request, socket, head) => {
      if (!accept) return void socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
      sockets.handleUpgrade(request, socket, head, (connection) => {
        const one: Heard = { headers: request.headers, protocol: connection.protocol, texts: [] };
        heard.push(one);
        connection.on("message", (text) => {
          const message = JSON.parse(String(text)) as Heard["texts"][number];
          one.texts.push(message);
          if (message.type === "auth") connection.send(JSON.stringify({ type: "auth_success" }));
        });
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    vi.stubEnv("PREFECT_HOME", temporaryFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    return { url: `prefect+http://127.0.0.1:${(server.address() as AddressInfo).port}/api`, heard };
  }

  test("are sent only when asked for, one a load, over one connection that logs in", async () => {
    const { url, heard } = await listening();
    vi.stubEnv("PREFECT_API_AUTH_STRING", "user:pass:word");
    const quiet = await openStore(url);
    await quiet.load({ type: "part", name: "one" });
    await quiet.close();
    expect(heard).toEqual([]);
    const store = await openStore(url, { loadEvents: true });
    for (let count = 0; count < 3; count++) await store.load({ type: "part", name: "one" });
    await store.inspect({ type: "part", name: "one" });
    await store.close();
    const [{ headers, protocol, texts } = { headers: {}, protocol: "", texts: [] }, ...others] = heard;
    expect([others.length, protocol, headers.authorization]).toEqual([0, "prefect", `Basic ${btoa("user:pass:word")}`]);
    expect(texts[0]).toEqual({ type: "auth", token: "user:pass:word" });
    expect(texts.slice(1).length).toBe(3);
    expect(texts[1]).toMatchObject({
      event: "prefect.block.part.loaded",
      resource: { "prefect.resource.id": "prefect.block-document.id-one", "prefect.resource.name": "one" },
      related: [{ "prefect.resource.id": "prefect.block-type.part", "prefect.resource.role": "block-type" }],
      payload: {},
    });
  });

  test("to Cloud carry the key in the header, and no message", async () => {
    const { url, heard } = await listening();
    vi.stubEnv("PREFECT_API_KEY", "pnu_key");
    vi.stubEnv("PREFECT_CLOUD_API_URL", url.replace("prefect+", ""));
    const store = await openStore(`${url}/accounts/a/workspaces/w`, { loadEvents: true });
    await store.load({ type: "part", name: "one" });
    await store.close();
    expect([heard[0]?.protocol, heard[0]?.headers.authorization, heard[0]?.texts.length]).toEqual(["", "bearer pnu_key", 1]);
  });

  test("that cannot be sent harm no load, and the process is warned once", async () => {
    const { url } = await listening(false);
    const warnings: string[] = [];
    const hear = (warning: Error) => warnings.push(warning.message);
    process.on("warning", hear);
    const store = await openStore(url, { loadEvents: true });
    for (let count = 0; count < 3; count++) expect((await store.load({ type: "part", name: "one" })).length).toBe(1);
    await store.close();
    await new Promise((done) => setTimeout(done, 10));
    process.off("warning", hear);
    expect(warnings).toEqual([expect.stringMatching(/could not be told that a document was loaded/)]);
  });
});
