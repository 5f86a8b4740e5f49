/** Copying documents between stores: everything of each arrives, nothing is written twice, what fails is told and does not stop the rest. */
import { beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Copied, type CopyOptions, copyDocuments } from "../src/copy.ts";
import { Block, block, openStore, type Store, secret } from "../src/index.ts";

class Account extends Block.define({ name: "Copied Account", description: "One.", fields: { user: z.string(), token: secret() } }) {}
class Team extends Block.define({ name: "Copied Team", fields: { lead: Account, others: z.array(block(Account)) } }) {}
class Company extends Block.define({ name: "Copied Company", fields: { team: Team, note: z.string().optional() } }) {}

let from: Store;
let to: Store;
const copied = (options: CopyOptions = {}, keys: { type: string; name: string }[] = []) =>
  Array.fromAsync(copyDocuments(from, to, keys, options));
const told = (steps: readonly Copied[]) => steps.map(({ type, name, action }) => `${action} ${type}/${name}`);

beforeEach(async () => {
  [from, to] = [await openStore("memory:"), await openStore("memory:")];
  const [me, you] = [
    await new Account({ user: "me", token: "t1" }).save("me", { store: from }),
    await new Account({ user: "you", token: "t2" }).save("you", { store: from }),
  ];
  const team = await new Team({ lead: me, others: [you, { user: "inside", token: "t3" }] }).save("a", { store: from });
  await new Company({ team }).save("z", { store: from });
  await new Account({ user: "nobody", token: "t4" }).save(undefined, { store: from, anonymous: true });
});

it("copies everything, leaves first, with types, schemas and secrets; the second time nothing", async () => {
  const first = await copied();
  expect(told(first)).toEqual(
    ["create copied-account/me", "create copied-account/you", "create copied-team/a", "create copied-company/z"]
      .sort((a, b) => told(first).indexOf(a) - told(first).indexOf(b))
      .concat(expect.stringMatching(/^create copied-account\/anonymous-/)),
  );
  const company = await Company.load("z", { store: to });
  expect(company.equals(await Company.load("z", { store: from }))).toBe(true);
  expect([company.team.document?.name, company.team.others[0]?.document?.name, company.team.others[1]?.document]).toEqual([
    "a",
    "you",
    null,
  ]);
  const bare = async (store: Store) => [
    (await store.types()).map(({ id: _id, created: _c, updated: _u, ...type }) => type),
    (await store.schemas()).map(({ checksum }) => checksum).sort(),
    (await store.names()).length,
    (await store.names({ anonymous: true })).length,
  ];
  expect(await bare(to)).toEqual(await bare(from));
  const before = await to.list();
  expect(new Set((await copied()).map(({ action }) => action))).toEqual(new Set(["unchanged"]));
  expect(await to.list()).toEqual(before);
});

it("copies what is named and what it refers to, and nothing else", async () => {
  expect(told(await copied({}, [{ type: "copied-team", name: "a" }])).sort()).toEqual([
    "create copied-account/me",
    "create copied-account/you",
    "create copied-team/a",
  ]);
  expect((await to.types()).map(({ slug }) => slug)).toEqual(["copied-account", "copied-team"]);
  await expect(copied({}, [{ type: "copied-team", name: "none" }])).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
});

describe("a document that is there and differs", () => {
  beforeEach(() => new Account({ user: "other", token: "x" }).save("me", { store: to }));
  const user = async () => (await Account.load("me", { store: to })).user;

  it("fails, and what refers to it, and the rest goes on", async () => {
    const steps = await copied();
    const failed = steps.filter(({ action }) => action === "failed");
    expect(failed.map(({ name, error }) => [name, error?.code]).sort()).toEqual([
      ["a", "ERR_BROKEN_REFERENCE"],
      ["me", "ERR_EXISTS"],
      ["z", "ERR_BROKEN_REFERENCE"],
    ]);
    expect(await user()).toBe("other");
    expect(await Account.exists("you", { store: to })).toBe(true);
  });

  it("is left with skip, and referred to as it is", async () => {
    expect(told(await copied({ existing: "skip" }))).toContain("skip copied-account/me");
    expect((await Company.load("z", { store: to })).team.lead.user).toBe("other");
  });

  it("is replaced with overwrite, and keeps its id", async () => {
    const { id } = await to.inspect({ type: "copied-account", name: "me" });
    expect(told(await copied({ existing: "overwrite" }))).toContain("overwrite copied-account/me");
    expect([await user(), (await to.inspect({ type: "copied-account", name: "me" })).id]).toEqual(["me", id]);
  });

  it("a secret alone is a difference", async () => {
    await new Account({ user: "me", token: "another" }).save("me", { store: to, overwrite: true });
    expect((await copied()).find(({ name }) => name === "me")?.error?.code).toBe("ERR_EXISTS");
  });
});

it("a dry run writes nothing and says what would be", async () => {
  expect((await copied({ dryRun: true })).every(({ action }) => action === "create")).toBe(true);
  expect([await to.list(), await to.types()]).toEqual([[], []]);
});

it("inline puts copies in the place of references below the top level", async () => {
  await copied({ inline: true });
  const team = await Team.load("a", { store: to });
  expect([team.lead.document?.name, team.others[0]?.document, team.others[0]?.token.reveal()]).toEqual(["me", null, "t2"]);
  expect(Object.keys((await to.inspect({ type: "copied-team", name: "a" })).references)).toEqual(["/lead"]);
});

it("a store that fails ends it; one that keeps something else is found out", async () => {
  const failing = new Proxy(to, {
    get: (store, name) => (name === "save" ? () => Promise.reject(Object.assign(new Error("x"), {})) : bound(store, name)),
  });
  await expect(Array.fromAsync(copyDocuments(from, failing, []))).rejects.toThrow("x");
  const forgetful = new Proxy(to, {
    get: (store, name) =>
      name === "save"
        ? (draft: Parameters<Store["save"]>[0], how: object) => store.save({ ...draft, secrets: {} }, how)
        : bound(store, name),
  });
  const steps = await Array.fromAsync(copyDocuments(from, forgetful, []));
  expect(steps.find(({ name }) => name === "me")).toMatchObject({ action: "failed", error: { code: "ERR_CONFLICT" } });
});

function bound(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === "function" ? member.bind(target) : member;
}
