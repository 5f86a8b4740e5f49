/** What Azure Key Vault holds of a store, and what becomes of it: tags, versions, deleting, expiry, limits, refusals. Against our double of it. */
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { isAshlarError } from "../../src/errors.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { at, CANARY, loaded, part, register, revealed } from "../../src/testing/store-subject.ts";
import { refused } from "../../src/testing/suite.ts";
import { type AzureKeyVaultOptions, azureKeyVault } from "../../src/vaults/azure-key-vault.ts";
import { type DoubleOptions, type KeyVaultDouble, openedDouble } from "../doubles/key-vault.ts";
import { later } from "../later.ts";

const STORE_ID = "11111111-1111-4111-8111-111111111111";
const HOUR = 3_600_000;
const binding = () => new Uint8Array(32).fill(7);
const record = { id: randomUUID(), kind: "document", type: "part", name: "one" };

async function opened(options: Partial<AzureKeyVaultOptions> & DoubleOptions = {}) {
  const { purgeProtection, settling, ...more } = options;
  const double = await openedDouble({ purgeProtection, settling });
  const store = { url: "memory:", storeId: async () => STORE_ID };
  return { double, client: double.client(), vault: await azureKeyVault({ vault: double.client(), store, ...more }) };
}

/** A store over a vault, with a type to save documents of. */
async function openedStore() {
  const double = await openedDouble();
  const backend = memoryBackend();
  const vault = await azureKeyVault({ vault: double.client(), store: backend });
  const store = sealedStore({ backend, vault });
  await register(store);
  return { double, backend, vault, store, client: double.client() };
}

function nameAndVersion(token: string): [string, string] {
  const [, name = "", version = ""] = token.split(".");
  return [name, version];
}

describe("a secret of a document in Azure Key Vault", () => {
  it("is named by the document's id, and says what it is and whose", async () => {
    const { store, backend, client } = await openedStore();
    const { id } = await store.save(part("one"));
    const { value, properties } = await client.getSecret(`ashlar-${id}`);
    expect(properties.contentType).toBe("application/vnd.ashlar.secrets.v1+json");
    const tags = { "ashlar-store": await backend.storeId(), store: "memory:", kind: "document", type: "part", name: "one" };
    expect(properties.tags).toEqual(tags);
    expect(properties.expiresOn).toBeUndefined();
    expect(JSON.parse(value as string)).toEqual({
      binding: expect.stringMatching(/^[\w-]{43}$/),
      secrets: { "/token": `${CANARY} of one` },
    });
    expect((await backend.get({ id }))?.sealed).toBe(`azure1.ashlar-${id}.${properties.version}`);
  });

  it("is there without secrets, too: an edited document is found in any case", async () => {
    const { store, backend } = await openedStore();
    const { id } = await store.save(part("one", { secrets: {} }));
    const kept = await backend.get({ id });
    if (!kept) throw new Error("it is not there");
    await backend.put({ ...kept, data: { ...kept.data, text: "edited" } }, 1);
    await refused("ERR_CANNOT_OPEN", () => store.load(at("one")));
  });

  it("takes a name of any length into its tags", async () => {
    const { vault, client } = await opened();
    const [name] = nameAndVersion(await vault.seal({}, binding, { ...record, name: "n".repeat(300) }));
    expect((await client.getSecret(name)).properties.tags?.name).toBe("n".repeat(256));
  });

  it("keeps its last version only: older ones are disabled when the document is saved, all go with it", async () => {
    const { store, client } = await openedStore();
    const { id } = await store.save(part("one"));
    for (const token of ["second", "third"]) await store.save(part("one", { secrets: { "/token": token } }), { overwrite: true });
    const versions = await Array.fromAsync(client.listPropertiesOfSecretVersions(`ashlar-${id}`));
    expect(versions.map(({ enabled }) => enabled).sort()).toEqual([false, false, true]);
    await store.delete(at("one"));
    await expect(client.getSecret(`ashlar-${id}`)).rejects.toMatchObject({ statusCode: 404 });
    expect((await client.getDeletedSecret(`ashlar-${id}`)).name).toBe(`ashlar-${id}`);
  });

  it("is recovered before it is written where it was deleted, and waits until that is done", async () => {
    const { vault, client } = await opened({ settling: 300 });
    const [name, version] = nameAndVersion(await vault.seal({ "/a": "1" }, binding, record));
    await client.beginDeleteSecret(name);
    const token = await vault.seal({ "/a": "2" }, binding, record);
    expect(await vault.open(token, binding)).toEqual({ "/a": "2" });
    expect(nameAndVersion(token)).not.toEqual([name, version]);
    expect(await vault.open(`azure1.${name}.${version}`, binding)).toEqual({ "/a": "1" });
  });

  it("is written after a purge, as soon as the name is free", async () => {
    const { vault, client } = await opened({ purgeProtection: false, settling: 300 });
    const [name] = nameAndVersion(await vault.seal({}, binding, record));
    await client.beginDeleteSecret(name);
    await client.purgeDeletedSecret(name);
    expect(await vault.open(await vault.seal({ "/a": "2" }, binding, record), binding)).toEqual({ "/a": "2" });
  });

  it("gets an expiry where one is asked for, each version its own", async () => {
    const { vault, client } = await opened({ expiresAfterDays: 90 });
    const [name] = nameAndVersion(await vault.seal({}, binding, record));
    const { expiresOn } = (await client.getSecret(name)).properties;
    expect(((expiresOn as Date).getTime() - Date.now()) / HOUR / 24).toBeCloseTo(90, 2);
  });

  it("is written whole by many at once, also when the vault is asked for the first time", async () => {
    const double = await openedDouble();
    // What asks for a token is answered last: the client would then send that request again, and without what it was to write.
    const slow = {
      name: "slow",
      async sendRequest<Q extends { body?: unknown }, R>(request: Q, next: (request: Q) => Promise<R>): Promise<R> {
        const response = await next(request);
        if (request.body === null) await new Promise((done) => setTimeout(done, 200));
        return response;
      },
    };
    const slowly = () => double.client(double.url, { additionalPolicies: [{ policy: slow, position: "perRetry" }] });
    const bare = slowly();
    const together = await Promise.allSettled(Array.from({ length: 5 }, (_, index) => bare.setSecret(`bare-${index}`, "value")));
    expect(together.filter(({ status }) => status === "rejected")).toHaveLength(1); // so it does, and the vault has to guard against it
    const vault = await azureKeyVault({ vault: slowly(), store: { url: "memory:", storeId: async () => STORE_ID } });
    const ids = Array.from({ length: 20 }, () => randomUUID());
    const tokens = await Promise.all(ids.map((id) => vault.seal({ "/id": id }, binding, { ...record, id })));
    expect(await Promise.all(tokens.map((token) => vault.open(token, binding)))).toEqual(ids.map((id) => ({ "/id": id })));
  });
});

describe("what cannot be opened", () => {
  it("was disabled in the vault: the error says so, and it opens again when it is enabled", async () => {
    const { vault, client } = await opened();
    const token = await vault.seal({ "/a": "1" }, binding, record);
    await client.updateSecretProperties(...nameAndVersion(token), { enabled: false });
    expect((await refused("ERR_CANNOT_OPEN", () => vault.open(token, binding))).message).toMatch(/is disabled: enable it there/);
    await client.updateSecretProperties(...nameAndVersion(token), { enabled: true });
    expect(await vault.open(token, binding)).toEqual({ "/a": "1" });
  });

  it("was deleted in the vault: the error says so, and it opens again when it is recovered", async () => {
    const { vault, client } = await opened();
    const token = await vault.seal({ "/a": "1" }, binding, record);
    const [name] = nameAndVersion(token);
    await client.beginDeleteSecret(name);
    expect((await refused("ERR_CANNOT_OPEN", () => vault.open(token, binding))).message).toMatch(/is not in https:.*recover it/);
    await client.beginRecoverDeletedSecret(name);
    expect(await vault.open(token, binding)).toEqual({ "/a": "1" });
  });

  it("was changed in the vault, in whatever way", async () => {
    const { vault, client } = await opened();
    const [name] = nameAndVersion(await vault.seal({ "/a": CANARY }, binding, record));
    const value = (await client.getSecret(name)).value as string;
    const { binding: bound } = JSON.parse(value) as { binding: string };
    const others = [
      value.replace(bound, "A".repeat(43)),
      value.replace(bound, ""),
      value.replace(bound, bound.slice(1)),
      value.slice(0, -1),
      `{"secrets":{"/a":"${CANARY}"}}`,
      `{"binding":"${bound}","secrets":["${CANARY}"]}`,
      `{"binding":"${bound}","secrets":null}`,
      `{"binding":"${bound}","secrets":${"[".repeat(70)}${"]".repeat(70)}}`,
      CANARY,
      "null",
      " ",
    ];
    for (const other of others) {
      const { properties } = await client.setSecret(name, other);
      const error = await refused("ERR_CANNOT_OPEN", () => vault.open(`azure1.${name}.${properties.version}`, binding));
      expect(inspect(error, { depth: null, showHidden: true })).not.toContain(CANARY);
    }
  });

  it("is of another document, whose token was put in its place", async () => {
    const { store, backend } = await openedStore();
    const [one, two] = [await store.save(part("one")), await store.save(part("two"))];
    const [first, second] = [await backend.get({ id: one.id }), await backend.get({ id: two.id })];
    if (!first || !second) throw new Error("they are not there");
    await backend.put({ ...first, sealed: second.sealed }, 1);
    await refused("ERR_CANNOT_OPEN", () => store.load(at("one")));
    expect(revealed(await loaded(store, "two"))).toEqual({ "/token": `${CANARY} of two` });
  });

  it("was sealed otherwise: by a keyring, or by a newer version", async () => {
    const { vault } = await opened();
    expect((await refused("ERR_CANNOT_OPEN", () => vault.open("ashlar1.0123abcd.AAAA", binding))).message).toMatch(/without \?vault=/);
    await refused("ERR_UNSUPPORTED", () => vault.open("azure2.x.y", binding));
  });
});

describe("a vault that refuses", () => {
  const denied = (inner: string) => ({ status: 403, body: { error: { code: "Forbidden", message: CANARY, innererror: { code: inner } } } });

  it("is ERR_DENIED, which names the roles; what is not there is never said of it", async () => {
    const { double, vault } = await opened();
    const token = await vault.seal({}, binding, record);
    for (const inner of ["ForbiddenByRbac", "ForbiddenByPolicy", "ForbiddenByFirewall"]) {
      double.intercept = () => denied(inner);
      for (const use of [() => vault.open(token, binding), () => vault.seal({}, binding, record)])
        expect((await refused("ERR_DENIED", use)).message).toMatch(
          new RegExp(`refuses access \\(403 ${inner}\\): the role "Key Vault Secrets Officer"`),
        );
    }
  });

  it("is ERR_UNREACHABLE when it is busy, broken, gone or not to be trusted", async () => {
    const { double, vault } = await opened({ timeout: 2000 });
    const token = await vault.seal({}, binding, record);
    double.intercept = () => ({ status: 429, headers: { "retry-after": "0" }, body: { error: { code: "Throttled", message: CANARY } } });
    expect((await refused("ERR_UNREACHABLE", () => vault.open(token, binding))).message).toMatch(/asked too often/);
    double.intercept = () => ({ status: 502, body: { error: { code: "BadGateway", message: CANARY } } });
    await refused("ERR_UNREACHABLE", () => vault.open(token, binding));
    double.intercept = () => ({ status: 404, body: { error: { code: "ResourceNotFound", message: CANARY } } });
    await refused("ERR_UNREACHABLE", () => vault.open(token, binding)); // not what Key Vault says of a secret that it does not have
    const other = await openedDouble();
    const strict = other.client(other.url, { tlsOptions: {}, retryOptions: { maxRetries: 0 } });
    const untrusted = await azureKeyVault({ vault: strict, store: { url: "memory:", storeId: async () => STORE_ID } });
    expect((await refused("ERR_UNREACHABLE", () => untrusted.open(token, binding))).message).toMatch(/is not trusted.*NODE_EXTRA_CA_CERTS/);
    await other.stop().catch(() => undefined);
    expect((await refused("ERR_UNREACHABLE", () => untrusted.open(token, binding))).message).toMatch(/Nothing listens/);
  });

  it("is waited for as long as it says, when it is busy for a moment", async () => {
    const { double, vault } = await opened();
    const token = await vault.seal({ "/a": "1" }, binding, record);
    double.throttle(1, 1);
    const begun = performance.now();
    expect(await vault.open(token, binding)).toEqual({ "/a": "1" });
    expect(performance.now() - begun).toBeGreaterThan(900);
  });

  it("is given up when no answer comes", async () => {
    const { double, vault } = await opened({ timeout: 300 });
    const token = await vault.seal({}, binding, record);
    double.latency = 2000;
    expect((await refused("ERR_UNREACHABLE", () => vault.open(token, binding))).message).toMatch(/no answer in time/);
  });

  it("leaves a document unsaved, and one that is saved already saved", async () => {
    const { double, store } = await openedStore();
    await store.save(part("one"));
    double.intercept = ({ method }) => (method === "PUT" ? denied("ForbiddenByRbac") : undefined);
    await refused("ERR_DENIED", () => store.save(part("one", { data: { text: "new" } }), { overwrite: true }));
    await refused("ERR_DENIED", () => store.save(part("two")));
    expect((await store.list()).map(({ name, revision }) => [name, revision])).toEqual([["one", 1]]);
    double.intercept = ({ method }) => (method === "PATCH" || method === "DELETE" ? denied("ForbiddenByRbac") : undefined);
    await store.save(part("one", { secrets: { "/token": "new" } }), { overwrite: true });
    expect(revealed(await loaded(store, "one"))).toEqual({ "/token": "new" });
    await store.delete(at("one"));
    expect(await store.list()).toEqual([]);
  });

  it("says no secret, no token and no header in an error", async () => {
    const { double, vault } = await opened();
    const token = await vault.seal({ "/a": CANARY }, binding, record);
    const errors: unknown[] = [];
    for (const status of [400, 401, 403, 404, 409, 429, 500, 503]) {
      double.intercept = () => ({ status, headers: { "retry-after": "0" }, body: { error: { code: `Code${CANARY}`, message: CANARY } } });
      const catching = (error: unknown) => errors.push(error);
      await Promise.resolve(vault.open(token, binding)).then(() => errors.push("no error"), catching);
      if (status !== 409)
        await Promise.resolve(vault.seal({ "/a": CANARY }, binding, record)).then(() => errors.push("no error"), catching);
    }
    expect(errors.every((error) => isAshlarError(error))).toBe(true);
    expect(inspect(errors, { depth: null, showHidden: true })).not.toMatch(new RegExp(`${CANARY}|Bearer|authorization`, "i"));
  });
});

describe("maintenance of a store with Azure Key Vault", () => {
  const check = async ({ store }: Awaited<ReturnType<typeof openedStore>>) =>
    ((await store.maintenance?.check()) ?? []).map(({ message }) => message);

  it("finds nothing wrong with what was only used", async () => {
    const all = await openedStore();
    await all.store.save(part("one"));
    await all.store.save(part("one", { secrets: { "/token": "new" } }), { overwrite: true });
    await all.store.save(part("two"));
    await all.store.delete(at("two"));
    expect(await later(2 * HOUR, () => check(all))).toEqual([]);
  });

  it("finds what an interrupted write left: a version, or a whole secret; not what may be under way, nor another store's", async () => {
    const all = await openedStore();
    const { id } = await all.store.save(part("one"));
    await all.vault.seal({ "/token": "never saved" }, binding, { id, kind: "document", type: "part", name: "one" });
    await all.vault.seal({ "/token": "never saved" }, binding, { ...record, name: "never" });
    await all.client.setSecret("someone-elses", "value");
    const { vault } = await opened();
    await (vault.seal({}, binding, record) as Promise<string>);
    expect(await check(all)).toEqual([]);
    const found = await later(2 * HOUR, () => check(all));
    expect(found).toHaveLength(2);
    expect(found.join()).toMatch(new RegExp(`ashlar-${id} \\(part/one\\) has a version [0-9a-f]{32} that no document names`));
    expect(found.join()).toMatch(new RegExp(`ashlar-${record.id} \\(part/never\\) belongs to no document`));
  });

  it("finds what expires in a month or has expired; both still open", async () => {
    const all = await openedStore();
    const { id } = await all.store.save(part("one"));
    const version = (await all.client.getSecret(`ashlar-${id}`)).properties.version as string;
    const expiring = async (days: number) => {
      await all.client.updateSecretProperties(`ashlar-${id}`, version, { expiresOn: new Date(Date.now() + days * 24 * HOUR) });
      expect(revealed(await loaded(all.store, "one"))).toEqual({ "/token": `${CANARY} of one` });
      return check(all);
    };
    expect(await expiring(40)).toEqual([]);
    expect(await expiring(10)).toEqual([expect.stringMatching(/\(part\/one\) expires on \d{4}-\d\d-\d\d/)]);
    expect(await expiring(-1)).toEqual([expect.stringMatching(/\(part\/one\) has expired on/)]);
  });

  it("finds a disabled secret, and a vault that purges", async () => {
    const double: KeyVaultDouble = await openedDouble({ purgeProtection: false });
    const backend = memoryBackend();
    const store = sealedStore({ backend, vault: await azureKeyVault({ vault: double.client(), store: backend }) });
    await register(store);
    const { id } = await store.save(part("one"));
    const { properties } = await double.client().getSecret(`ashlar-${id}`);
    await double.client().updateSecretProperties(`ashlar-${id}`, properties.version as string, { enabled: false });
    const found = ((await store.maintenance?.check()) ?? []).map(({ message }) => message);
    expect(found).toEqual([
      expect.stringMatching(/not protected from purging/),
      expect.stringMatching(/part\/one cannot be read.*is disabled/),
    ]);
  });

  it("says that it may not list, and finds the rest", async () => {
    const all = await openedStore();
    await all.store.save(part("one"));
    all.double.intercept = ({ path }) =>
      /^\/secrets\?/.test(path)
        ? { status: 403, body: { error: { code: "Forbidden", innererror: { code: "ForbiddenByRbac" } } } }
        : undefined;
    expect(await check(all)).toEqual([expect.stringMatching(/refuses access \(403 Forbidden\)/)]);
  });

  it("has no keys, and nothing to seal anew", async () => {
    const { store } = await openedStore();
    await store.save(part("one"));
    expect(await store.maintenance?.keysInUse()).toEqual(new Map());
    expect(await store.maintenance?.reseal()).toEqual({ resealed: 0, failed: [] });
  });
});

it("no reader sees half of a document that is written, whatever the order of answers", async () => {
  const { double, store } = await openedStore();
  const versions = (count: number) => part("one", { data: { count }, secrets: { "/token": count } });
  await store.save(versions(0));
  let slow = 0;
  double.done = () => new Promise((done) => setTimeout(done, (slow = (slow + 7) % 20)));
  const writers = Array.from({ length: 10 }, (_, index) => store.save(versions(index + 1), { overwrite: true }));
  const readers = Array.from({ length: 40 }, () => loaded(store, "one"));
  for (const document of await Promise.all(readers)) expect(document.secrets["/token"]?.reveal()).toBe(document.data.count);
  await Promise.all(writers);
});

it("pages and maintenance take what is saved meanwhile for what it is, and not for damage", async () => {
  const { store } = await openedStore();
  const names = Array.from({ length: 10 }, (_, index) => `n${index}`);
  for (const name of names) await store.save(part(name));
  let writing = true;
  const writer = async () => {
    for (let turn = 0; turn < 8; turn++)
      for (const name of names) await store.save(part(name, { secrets: { "/token": turn } }), { overwrite: true });
    writing = false;
  };
  const wrong: unknown[] = [];
  const reader = async () => {
    while (writing) wrong.push(...(await store.loadPage()).flatMap(({ error }) => error ?? []));
  };
  const doctor = async () => {
    while (writing) wrong.push(...((await store.maintenance?.check()) ?? []));
  };
  await Promise.all([writer(), reader(), doctor()]);
  expect(wrong).toEqual([]);
});
