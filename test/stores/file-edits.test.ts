/** A store in files: what lies there, what a change changes, edits by hand and by git, and what is refused. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { Block, openStore, type Store, secret } from "../../src/index.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { temporaryFolder } from "../temporary.ts";

class Account extends Block.define({
  name: "File Account",
  fields: { user: z.string(), token: secret(), tags: z.array(z.string()).default([]) },
}) {}
class Service extends Block.define({ name: "File Service", fields: { host: z.string(), port: z.int().default(443), account: Account } }) {}

const CANARY = "canary-of-the-files";
const keys = [keyText(generateKey())];
let folder: string;
let store: Store;

const at = (...parts: string[]) => join(folder, ...parts);
const read = (...parts: string[]) => readFileSync(at(...parts), "utf8");
const edit = (change: (text: string) => string, ...parts: string[]) => writeFileSync(at(...parts), change(read(...parts)));

beforeEach(async () => {
  folder = join(temporaryFolder(), "store");
  store = await openStore(`file:${folder}`, { create: true, keys });
  const account = await new Account({ user: "etl", token: CANARY }).save("main", { store });
  await new Service({ host: "db.local", account }).save("main", { store });
});

const service = { type: "file-service", name: "main" };
const loaded = () => Service.load("main", { store });

describe("what lies in the folder", () => {
  it("is one readable document a file, in folders by type, secrets sealed", () => {
    expect(readdirSync(folder).sort()).toEqual([".gitignore", ".lock", "ashlar.json", "file-account", "file-service"]);
    expect(readdirSync(at("file-account")).sort()).toEqual(["_schema", "_type", "main.json"]);
    const document = JSON.parse(read("file-service", "main.json")) as Record<string, unknown>;
    expect(Object.keys(document).slice(0, 3)).toEqual(["kind", "type", "name"]);
    expect(document).toMatchObject({
      kind: "document",
      type: "file-service",
      name: "main",
      revision: 1,
      data: { host: "db.local", port: 443 },
    });
    expect(document.references).toMatchObject({ "/account": { type: "file-account", name: "main" } });
    const all = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((each) => each.isFile());
    for (const { parentPath, name } of all) expect(readFileSync(join(parentPath, name), "latin1")).not.toContain(CANARY);
  });

  it("differs by the line of a changed field and the few of the seal", async () => {
    const before = read("file-service", "main.json").split("\n");
    await (await loaded()).with({ port: 444 }).save(undefined, { ifRevision: 1, store });
    const after = read("file-service", "main.json").split("\n");
    const changed = after.flatMap((line, index) => (line === before[index] ? [] : [/"(\w+)"/.exec(line)?.[1]]));
    expect(after).toHaveLength(before.length);
    expect(changed).toEqual(["revision", "updated", "port", "sealed"]);
  });

  it("holds nothing of a writer when he is done, and git leaves the lock alone", async () => {
    await (await loaded()).with({ port: 444 }).save(undefined, { ifRevision: 1, store });
    execFileSync("git", ["init", "-q", folder]);
    const seen = execFileSync("git", ["-C", folder, "status", "--porcelain", "--untracked-files=all"], { encoding: "utf8" });
    expect(seen.split("\n").filter((line) => !/json$|gitignore$/.test(line))).toEqual([""]);
  });
});

describe("a document that was edited", () => {
  it("is refused with a code of its own until it is sealed as it is", async () => {
    edit((text) => text.replace("db.local", "db2.local").replace('"port": 443', '"port": 5432'), "file-service", "main.json");
    const refusal = { code: "ERR_EDITED", message: expect.stringMatching(/file-service\/main.*edited.*ashlar reseal/) };
    await expect(loaded()).rejects.toMatchObject(refusal);
    expect((await store.maintenance?.check())?.map(({ where }) => where)).toEqual(["file-service/main"]);
    expect((await store.list()).map(({ name }) => name)).toEqual(["main", "main"]);

    const found = await store.edits?.find(service);
    expect([found?.before.data, found?.after.data]).toEqual([
      { account: null, host: "db.local", port: 443 },
      { account: null, host: "db2.local", port: 5432 },
    ]);
    expect((await store.edits?.accept(service))?.revision).toBe(2);
    expect([(await loaded()).host, (await loaded()).port, (await loaded()).account.token.reveal()]).toEqual(["db2.local", 5432, CANARY]);
    expect(await store.edits?.find(service)).toBeNull();
    expect(await store.maintenance?.check()).toEqual([]);
  });

  it("only in its blanks is the same document", async () => {
    edit((text) => JSON.stringify(JSON.parse(text)), "file-service", "main.json");
    expect((await loaded()).host).toBe("db.local");
    expect(await store.edits?.find(service)).toBeNull();
  });

  it("keeps the time of a secret, and loses one whose place was taken away", async () => {
    const { secrets } = await store.inspect({ type: "file-account", name: "main" });
    edit((text) => text.replace('"etl"', '"etl2"'), "file-account", "main.json");
    expect((await store.edits?.accept({ type: "file-account", name: "main" }))?.secrets).toEqual(secrets);
    edit((text) => text.replace(/\s*"token": null,?/, "").replace(/,(\s*})/, "$1"), "file-account", "main.json");
    const edited = await store.edits?.find({ type: "file-account", name: "main" });
    expect([Object.keys(edited?.before.secrets ?? {}), Object.keys(edited?.after.secrets ?? {})]).toEqual([["/token"], []]);
  });

  it("whose seal was changed too is damaged, not edited", async () => {
    edit((text) => text.replace("db.local", "db2.local").replace(/("sealed": ".{100})./, "$1!"), "file-service", "main.json");
    await expect(loaded()).rejects.toMatchObject({ code: "ERR_CANNOT_OPEN" });
    await expect(store.edits?.find(service)).rejects.toMatchObject({ code: "ERR_CANNOT_OPEN" });
  });

  it("with the seal of another document is not sealed: it would take its secrets", async () => {
    await new Account({ user: "other", token: "another" }).save("other", { store });
    const seal = JSON.parse(read("file-account", "main.json")) as { sealed: string };
    edit((text) => JSON.stringify({ ...JSON.parse(text), sealed: seal.sealed }), "file-account", "other.json");
    await expect(Account.load("other", { store })).rejects.toMatchObject({ code: "ERR_EDITED" });
    await expect(store.edits?.accept({ type: "file-account", name: "other" })).rejects.toMatchObject({
      code: "ERR_INVALID",
      message: expect.stringMatching(/sealed as file-account\/main, and its id, name, created were changed/),
    });
  });

  it("with a secret in clear is not sealed, and the message does not say it", async () => {
    edit((text) => text.replace('"token": null', '"token": "typed-in-clear"'), "file-account", "main.json");
    const error = await store.edits?.accept({ type: "file-account", name: "main" }).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: "ERR_INVALID", message: expect.stringMatching(/token: is secret and stands here in clear/) });
    expect(String((error as Error).message)).not.toContain("typed-in-clear");
  });

  it("that refers to what is not there is not sealed", async () => {
    edit(
      (text) => text.replace(/"id": "[0-9a-f]{8}(?=[^"]*",\s*"name": "main",\s*"type": "file-account")/, '"id": "00000000'),
      "file-service",
      "main.json",
    );
    await expect(store.edits?.accept(service)).rejects.toMatchObject({ code: "ERR_BROKEN_REFERENCE" });
  });
});

describe("git", () => {
  const git = (...args: string[]) =>
    execFileSync("git", ["-C", folder, "-c", "user.name=t", "-c", "user.email=t@example.invalid", ...args], {
      encoding: "utf8",
      stdio: "pipe",
    });

  it("merges two branches: the conflict is no document, the merged one is edited, and sealed it is whole", async () => {
    git("init", "-q", "-b", "main");
    git("add", "-A");
    git("commit", "-qm", "first");
    git("checkout", "-qb", "other");
    await (await loaded()).with({ port: 5432 }).save(undefined, { ifRevision: 1, store });
    git("commit", "-qam", "port");
    git("checkout", "-q", "main");
    await (await loaded()).with({ host: "db2.local" }).save(undefined, { ifRevision: 1, store });
    git("commit", "-qam", "host");
    expect(() => git("merge", "-q", "other")).toThrow();
    expect(read("file-service", "main.json")).toContain("<<<<<<<");
    await expect(loaded()).rejects.toMatchObject({ code: "ERR_CANNOT_OPEN" });
    await expect(store.edits?.find(service)).rejects.toMatchObject({ message: expect.stringMatching(/merge left its marks/) });
    expect((await store.list({ type: "file-service" })).map(({ damaged }) => damaged)).toEqual([true]);

    const ours = (text: string) => text.replace(/<<<<<<< .*\n([\s\S]*?)=======\n[\s\S]*?>>>>>>> .*\n/g, "$1");
    edit((text) => ours(text).replace('"port": 443', '"port": 5432'), "file-service", "main.json"); // and of theirs what they changed
    expect(JSON.parse(read("file-service", "main.json"))).toMatchObject({ data: { host: "db2.local", port: 5432 } });
    await expect(loaded()).rejects.toMatchObject({ code: "ERR_EDITED" });
    await store.edits?.accept(service);
    expect([(await loaded()).host, (await loaded()).port, (await loaded()).document?.revision]).toEqual(["db2.local", 5432, 3]);
  });
});

describe("what is refused", () => {
  it("a file that is no document is listed, replaced by saving, and can be deleted", async () => {
    writeFileSync(at("file-service", "main.json"), "{");
    await expect(loaded()).rejects.toMatchObject({ code: "ERR_CANNOT_OPEN" });
    const account = await Account.load("main", { store });
    await expect(new Service({ host: "h", account }).save("main", { store })).rejects.toMatchObject({ code: "ERR_EXISTS" });
    await new Service({ host: "new", account }).save("main", { store, overwrite: true });
    expect((await loaded()).host).toBe("new");
    writeFileSync(at("file-service", "main.json"), "[]");
    await store.delete(service);
    expect(existsSync(at("file-service", "main.json"))).toBe(false);
  });

  it("a copied file is no second document, nor a renamed one", async () => {
    writeFileSync(at("file-service", "copy.json"), read("file-service", "main.json"));
    await expect(Service.load("copy", { store })).rejects.toMatchObject({ code: "ERR_CANNOT_OPEN" });
    edit((text) => text.replace('"name": "main",\n  "id"', '"name": "copy",\n  "id"'), "file-service", "copy.json");
    await expect(Service.load("copy", { store })).rejects.toMatchObject({ code: "ERR_EDITED" });
    await expect(store.edits?.accept({ type: "file-service", name: "copy" })).rejects.toMatchObject({ code: "ERR_INVALID" });
    expect(await store.maintenance?.check()).toContainEqual({
      where: "",
      message: expect.stringMatching(/main.json and .*copy.json|copy.json and .*main.json/),
    });
  });

  it("a link in the place of a document is not followed", async () => {
    const elsewhere = join(temporaryFolder(), "secret.json");
    renameSync(at("file-service", "main.json"), elsewhere);
    symlinkSync(elsewhere, at("file-service", "main.json"));
    await expect(loaded()).rejects.toMatchObject({ code: "ERR_DENIED" });
  });

  it("a folder that is no store, or is gone, or damaged, is told apart", async () => {
    await expect(openStore(`file:${temporaryFolder()}`)).rejects.toMatchObject({
      code: "ERR_NO_STORE",
      message: expect.stringMatching(/ashlar init --store file:/),
    });
    for (const url of ["file:", "file://host/dir", "file:dir?x=1"])
      await expect(openStore(url)).rejects.toMatchObject({ code: "ERR_INVALID" });
    writeFileSync(at("ashlar.json"), '{"format":99}');
    await expect(openStore(`file:${folder}`)).rejects.toMatchObject({ code: "ERR_UNSUPPORTED" });
    writeFileSync(at("ashlar.json"), "<<<<<<< HEAD");
    await expect(openStore(`file:${folder}`)).rejects.toMatchObject({ code: "ERR_CANNOT_OPEN" });
    rmSync(folder, { recursive: true });
    await expect(loaded()).rejects.toMatchObject({ code: "ERR_NO_STORE" });
  });

  it("a key that lies in the folder", async () => {
    process.env.ASHLAR_KEY_FILE = at("keys");
    try {
      const inside = await openStore(`file:${folder}`);
      writeFileSync(at("keys"), keys[0] as string, { mode: 0o600 });
      await expect(Service.load("main", { store: inside })).rejects.toMatchObject({
        code: "ERR_DENIED",
        message: expect.stringMatching(/lies in the folder/),
      });
    } finally {
      delete process.env.ASHLAR_KEY_FILE;
    }
  });

  it("a removal that a killed process began is brought to its end by the next writer", async () => {
    writeFileSync(at(".removals.json"), JSON.stringify(["file-service/main.json", "file-account/main.json"]));
    await new Account({ user: "u", token: "t" }).save("another", { store });
    expect((await store.list()).map(({ name }) => name)).toEqual(["another"]);
    expect(existsSync(at(".removals.json"))).toBe(false);
  });
});
