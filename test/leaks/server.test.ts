/** What a server answers, logs and writes down, for each role and every route, searched for secrets in eleven encodings; revealed is only what may be. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ROLES, type Role } from "../../src/access-token.ts";
import { openStore } from "../../src/index.ts";
import { auditKeys, openAudit } from "../../src/server/audit.ts";
import type { Route } from "../../src/server/exchange.ts";
import { ownRoutes } from "../../src/server/own-routes.ts";
import { STRICT } from "../../src/server/rules.ts";
import type { MaskedDocument } from "../../src/stores/store.ts";
import { at, over, part, partSchema, register } from "../../src/testing/store-subject.ts";
import { serving } from "../server/serving.ts";
import { temporaryFolder } from "../temporary.ts";
import { leaksIn, ODD_CANARY } from "./canary.ts";

const PLAIN = "canary-5e1f-server";
const CANARIES = [PLAIN, ODD_CANARY];
const folder = temporaryFolder();

/** A document with secrets in every place where one can hide. */
const secretive = (name: string) =>
  part(name, {
    data: { text: "public", list: [null, { a: null }], deep: { er: [null] } },
    secrets: {
      ...{ "/token": PLAIN, "/a": { json: [ODD_CANARY, { [PLAIN]: 1 }] }, "/b": [PLAIN], "/c": ODD_CANARY },
      ...{ "/list/0": PLAIN, "/list/1/a": ODD_CANARY, "/deep/er/0": PLAIN },
    },
  });

/** Requests of a route: at what is there, at what is not, with bodies that are wrong and hold secrets. */
function requestsOf({ method, path }: Route, document: MaskedDocument, ids: { readonly type: string; readonly schema: string }) {
  const id = path.includes("block_types/{id") ? ids.type : path.includes("schemas/{id") ? ids.schema : document.id;
  const fill = (values: Record<string, string>) =>
    path.replaceAll(/\{(\w+)(:uuid)?\}/g, (_whole, name: string) => encodeURIComponent(values[name] ?? "x"));
  const there = fill({ id, slug: "part", type: "part", name: document.name, checksum: partSchema().checksum });
  const paths = [there, `${there}?include_secrets=true`, fill({ id: randomUUID(), slug: "part", type: "part", name: "none" })];
  const read = { ids: [document.id], include_secrets: true, block_documents: { name: { like_: "one" } } };
  const wrong = {
    data: { token: PLAIN, more: [ODD_CANARY] },
    schema: 5,
    secrets: { "/token": PLAIN, "/a": { set: ODD_CANARY, keep: 1 } },
    [PLAIN.slice(0, 4)]: 1,
  };
  const masked = { data: { text: "changed", token: "********", list: ["********", { a: "********" }] }, merge_existing_data: true };
  const kept = { schema: partSchema().checksum, data: { text: "changed" }, secrets: { "/token": { keep: true }, "/c": { keep: true } } };
  const bodies =
    method === "GET" ? [undefined] : method === "DELETE" ? [] : [read, wrong, masked, kept, `{"data": "${PLAIN}`, `"${PLAIN}"`, [PLAIN]];
  return paths.flatMap((each) => bodies.map((body) => ({ method, path: `/${each}`, body })));
}

describe("a server", () => {
  const found: Record<string, { readonly answers: string[]; readonly refusals: string[]; readonly log: string[]; readonly audit: string }> =
    {};

  it.each(Object.keys(ROLES) as Role[])("is asked everything by %s", { timeout: 60_000 }, async (role) => {
    const store = await openStore("memory:");
    const path = join(folder, `${role}.jsonl`);
    const audit = await openAudit(path, auditKeys(store));
    const server = await serving({
      store,
      audit,
      routes: ownRoutes,
      settings: { rules: { ...STRICT, csrf: false }, validate: role === "editor" },
    });
    await register(store);
    const one = await store.save(secretive("one"));
    await store.save({ ...over("above", one), secrets: {} });
    await store.save({ ...secretive("made-up"), anonymous: true });
    const ids = { type: (await store.type({ slug: "part" }))?.id ?? "", schema: (await store.schema({ type: "part" }))?.id ?? "" };
    const client = await server.client(role);
    const refusals: string[] = [];
    for (const route of server.app.routes) {
      const document = await store.inspect(at("one"));
      for (const { method, path: to, body } of requestsOf(route, document, ids))
        for (const headers of [{ "if-none-match": "*" }, { "if-match": `"${document.revision}"` }]) {
          const { status, text } = await client.ask(method, to, body, headers);
          if (status >= 400) refusals.push(text);
        }
    }
    await audit.close();
    expect(Object.keys((await store.inspect(at("one"))).secrets).length).toBeGreaterThan(0); // there is still something to find
    found[role] = { answers: [...server.answers], refusals, log: [...server.log], audit: readFileSync(path, "utf8") };
    expect(server.answers.length).toBeGreaterThan(200);
  });

  beforeAll(() => {
    for (const canary of CANARIES) expect(leaksIn(JSON.stringify({ data: { token: canary } }), CANARIES)).not.toEqual([]); // the search finds what is there
  });

  it.each(["viewer", "editor"])("shows %s no secret in any answer, header or body", (role) => {
    expect(found[role]?.answers.flatMap((answer) => leaksIn(answer, CANARIES))).toEqual([]);
  });

  it.each(["user", "admin"])("shows %s secrets, and none of them in a refusal", (role) => {
    expect(found[role]?.answers.some((answer) => leaksIn(answer, CANARIES).length > 0)).toBe(true);
    expect(found[role]?.refusals.length).toBeGreaterThan(50);
    expect(found[role]?.refusals.flatMap((refusal) => leaksIn(refusal, CANARIES))).toEqual([]);
  });

  it.each(Object.keys(ROLES))("writes no secret that %s asked for or sent into its log or the audit log", (role) => {
    expect(leaksIn(found[role]?.log.join("\n") ?? "none", CANARIES)).toEqual([]);
    expect(leaksIn(found[role]?.audit ?? "none", CANARIES)).toEqual([]);
  });

  it("has written down what was revealed, and what was changed", () => {
    expect(found.user?.audit).toContain('"revealed":{"part/one":["/token"');
    expect(found.editor?.audit).toContain('"what":"save","of":"part/one"');
    expect(found.viewer?.audit).not.toContain('"outcome":"done"');
  });
});
