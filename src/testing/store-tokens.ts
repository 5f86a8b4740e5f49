/**
 * The cases of the store suite on access tokens, for stores that have them. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import { inspect } from "node:util";
import type { TokenGrant } from "../access-token.ts";
import type { AccessTokens } from "../stores/access-tokens.ts";
import type { Store } from "../stores/store.ts";
import { type Case, refused } from "./suite.ts";

const grant: TokenGrant = { name: "ci", roles: ["viewer", "editor"], types: ["part"], names: ["x-*", "y"], expires: null };

function tokensOf(store: Store): AccessTokens {
  assert(store.accessTokens, "the store has no access tokens");
  return store.accessTokens;
}

/** A text of the same form with another character in the middle. */
function misspelt(text: string): string {
  return text.slice(0, 30) + (text[30] === "a" ? "b" : "a") + text.slice(31);
}

export const accessTokens: readonly Case<Store>[] = [
  {
    name: "tokens: what was made is listed, without its text, and known by its text",
    async run(store) {
      const tokens = tokensOf(store);
      const { token, text } = await tokens.create(grant);
      const { id, created, ...rest } = token;
      assert.deepStrictEqual(rest, { ...grant, revoked: null });
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.equal(new Date(created).toISOString(), created);
      assert.match(text.reveal(), /^ashlartoken1_[\w-]{43}_[0-9a-f]{6}$/);
      assert.deepStrictEqual(await tokens.verify(text.reveal()), token);
      const other = await tokens.create({ ...grant, name: "admin", roles: ["admin"], types: null, names: null });
      assert.notEqual(other.text.reveal(), text.reveal());
      const listed = await tokens.list();
      assert.deepStrictEqual(listed, [other.token, token]);
      assert(!inspect([listed, text], { depth: Infinity, showHidden: true }).includes(text.reveal().slice(13, 50)));
      assert.deepStrictEqual([await store.list(), await store.names(), await store.types()].flat().length, 1); // the suite's type
    },
  },
  {
    name: "tokens: a text that is misspelt, of no token, or of another store's is null",
    async run(store, another) {
      const { text } = await tokensOf(store).create(grant);
      const foreign = await tokensOf(await another()).create(grant);
      for (const each of [misspelt(text.reveal()), foreign.text.reveal(), "", "ci", `${text.reveal()} `, "ashlartoken1_"])
        assert.equal(await tokensOf(store).verify(each), null);
    },
  },
  {
    name: "tokens: one that is revoked or has expired is refused at once, and its name is free again",
    async run(store) {
      const tokens = tokensOf(store);
      const first = await tokens.create(grant);
      const taken = await refused("ERR_EXISTS", () => tokens.create(grant));
      assert.match(taken.message, /ci/);
      const revoked = await tokens.revoke("ci");
      assert.equal(await tokens.verify(first.text.reveal()), null);
      assert.equal(new Date(revoked.revoked ?? "").toISOString(), revoked.revoked);
      assert.deepStrictEqual(revoked, { ...first.token, revoked: revoked.revoked });
      assert.deepStrictEqual(await tokens.list(), [revoked]);
      assert.deepStrictEqual(await tokens.revoke("ci"), revoked);
      const late = await tokens.create({ ...grant, expires: new Date(Date.now() - 1).toISOString() });
      assert.equal(await tokens.verify(late.text.reveal()), null);
      const soon = await tokens.create({ ...grant, expires: new Date(Date.now() + 100_000).toISOString() });
      assert.deepStrictEqual(await tokens.verify(soon.text.reveal()), soon.token);
      assert.deepStrictEqual(await tokens.list(), [soon.token]);
      for (const { text } of [first, late]) assert.equal(await tokens.verify(text.reveal()), null);
    },
  },
  {
    name: "tokens: revoking what is not there is ERR_NOT_FOUND, with what was near",
    async run(store) {
      await tokensOf(store).create({ ...grant, name: "nightly" });
      const near = await refused("ERR_NOT_FOUND", () => tokensOf(store).revoke("nigthly"));
      assert.match(near.message, /"nightly"/);
    },
  },
  {
    name: "tokens: what cannot be one is ERR_INVALID, all that is wrong at once",
    async run(store) {
      const wrong = { name: "Ci", roles: ["wiever", "admin"], types: ["No"], names: [""], expires: "tomorrow" } as unknown as TokenGrant;
      const error = await refused("ERR_INVALID", () => tokensOf(store).create(wrong));
      assert.deepStrictEqual([...new Set(error.details.issues?.map(({ path }) => path))], ["name", "roles", "types", "names", "expires"]);
      assert.match(error.message, /did you mean viewer/);
      await refused("ERR_INVALID", () => tokensOf(store).create({ ...grant, roles: [] }));
      assert.deepStrictEqual(await tokensOf(store).list(), []);
    },
  },
];
