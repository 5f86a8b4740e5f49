/** Access tokens at rest: what who holds the storage can do with them, what a check costs, and that two servers agree. */
import { randomUUID } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { TokenGrant } from "../../src/access-token.ts";
import type { Backend, StoredRecord } from "../../src/backends/backend.ts";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import type { AccessTokens } from "../../src/stores/access-tokens.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();
const grant: TokenGrant = { name: "nightly-canary", roles: ["viewer"], types: ["canary-type"], names: ["canary-*"], expires: null };

interface Place {
  readonly path: string;
  readonly backend: Backend;
  readonly tokens: AccessTokens;
  readonly calls: string[];
}

const key = generateKey();

/** A store over a SQLite file, with a list of what its backend was asked for. */
async function opened(path = join(folder, randomUUID(), "ashlar.db"), keys = [key]) {
  const calls: string[] = [];
  const backend = await sqliteBackend({ path, create: true });
  const counted = new Proxy(backend, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        calls.push(String(name));
        return (member as (...args: unknown[]) => unknown).apply(target, given);
      };
    },
  });
  const store = sealedStore({ backend: counted, vault: await sodiumVault(keyring(keys, "a test")) });
  return { path, backend, store, calls, tokens: store.accessTokens as AccessTokens } satisfies Place & { store: unknown };
}

async function onlyRecord(backend: Backend): Promise<StoredRecord> {
  const [record] = await backend.list({ kind: "token", limit: 2 });
  return record as StoredRecord;
}

const cannotOpen = { code: "ERR_CANNOT_OPEN" };

describe("who holds the storage", () => {
  it("reads neither a token nor its name, roles, scope or hash in it", async () => {
    const { path, tokens } = await opened();
    const { text } = await tokens.create(grant);
    await tokens.revoke(grant.name);
    const bytes = Buffer.concat(readdirSync(dirname(path)).map((name) => readFileSync(join(dirname(path), name)))).toString("latin1");
    for (const hidden of [text.reveal().slice(13, 40), "canary", "viewer", "revoked"]) expect(bytes).not.toContain(hidden);
  });

  it("cannot widen a token: any change to its record is ERR_CANNOT_OPEN, also where it was known before", async () => {
    const { backend, tokens } = await opened();
    const { text } = await tokens.create(grant);
    await tokens.verify(text.reveal());
    const record = await onlyRecord(backend);
    const changes: Partial<StoredRecord>[] = [
      { data: { roles: ["admin"] } },
      { created: "2020-01-01T00:00:00.000Z" },
      { updatedBy: "root" },
      { sealed: `${record.sealed.slice(0, -2)}AA` },
      { sealed: "" },
      { schema: "sha256:1" },
      { secrets: {} },
    ];
    for (const change of changes) {
      await backend.put({ ...record, ...change, revision: record.revision + 1 }, record.revision);
      await expect(tokens.verify(text.reveal())).rejects.toMatchObject(cannotOpen);
      expect(await tokens.list()).toEqual([]);
      await backend.put(record, record.revision + 1);
    }
    expect(await tokens.verify(text.reveal())).not.toBeNull();
  });

  it("cannot put the seal of one token into another's record, nor the old seal into a revoked one's", async () => {
    const { backend, tokens } = await opened();
    const admin = await tokens.create({ name: "root", roles: ["admin"], types: null, names: null, expires: null });
    const strong = await onlyRecord(backend);
    const { text } = await tokens.create(grant);
    await Promise.all([tokens.verify(text.reveal()), tokens.verify(admin.text.reveal())]); // both are remembered
    const weak = (await backend.list({ kind: "token", limit: 2 })).find(({ id }) => id !== strong.id) as StoredRecord;
    await backend.put({ ...weak, sealed: strong.sealed }, weak.revision);
    await expect(tokens.verify(text.reveal())).rejects.toMatchObject(cannotOpen);
    await backend.put(weak, weak.revision);
    await tokens.revoke("root");
    const ended = (await backend.get({ id: strong.id })) as StoredRecord;
    await backend.put({ ...ended, sealed: strong.sealed }, ended.revision);
    await expect(tokens.verify(admin.text.reveal())).rejects.toMatchObject(cannotOpen);
  });

  it("cannot bring a token from another store with the same key", async () => {
    const [one, other] = [await opened(), await opened()];
    const { text } = await one.tokens.create({ ...grant, roles: ["admin"], types: null, names: null });
    await other.backend.put(await onlyRecord(one.backend), null);
    await expect(other.tokens.verify(text.reveal())).rejects.toMatchObject(cannotOpen);
  });
});

describe("a check", () => {
  it("is one point read, and none of a token that is known while the store is not changed", async () => {
    const { calls, tokens } = await opened();
    const [{ text }, other] = [await tokens.create(grant), await (await opened()).tokens.create(grant)];
    const read = ["stamp", "get"];
    for (const [each, expected] of [
      [text, read],
      [text, ["stamp"]],
      [other.text, read],
      [other.text, read],
    ] as const) {
      calls.length = 0;
      await tokens.verify(each.reveal());
      expect(calls).toEqual(expected);
    }
    calls.length = 0;
    for (const bad of ["", "x", `${text.reveal()}0`]) await tokens.verify(bad);
    expect(calls).toEqual([]);
  });

  it("sees at once what another server of the same store made and revoked", async () => {
    const one = await opened();
    const two = await opened(one.path);
    const { text } = await one.tokens.create(grant);
    for (const { tokens } of [two, one, two]) expect(await tokens.verify(text.reveal())).toMatchObject({ name: grant.name });
    await two.tokens.revoke(grant.name);
    for (const { tokens } of [one, two]) expect(await tokens.verify(text.reveal())).toBeNull();
  });

  it("still knows a token that was sealed anew with another key", async () => {
    const one = await opened();
    const { text } = await one.tokens.create(grant);
    const next = generateKey();
    const rotated = await opened(one.path, [next, key]);
    expect(await rotated.store.maintenance?.reseal()).toMatchObject({ resealed: 1, failed: [] });
    const after = await opened(one.path, [next]);
    expect(await after.tokens.verify(text.reveal())).toMatchObject({ name: grant.name });
    await expect(one.tokens.verify(text.reveal())).rejects.toMatchObject({ code: "ERR_UNKNOWN_KEY" }); // it lacks the new key
  });
});

it("two who make a token of one name at once both get one, and revoking the name ends both", async () => {
  const { tokens } = await opened();
  const made = await Promise.allSettled([tokens.create(grant), tokens.create(grant), tokens.create(grant)]);
  const texts = made.flatMap((each) => (each.status === "fulfilled" ? [each.value.text.reveal()] : []));
  expect(texts.length).toBeGreaterThan(0);
  await tokens.revoke(grant.name);
  for (const text of texts) expect(await tokens.verify(text)).toBeNull();
});
