/**
 * The conformance suite of vaults. Touches node:assert and the contract.
 * @module
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { Json } from "../json.ts";
import type { Secrets, Vault } from "../vaults/vault.ts";
import { type Case, ODD_TEXTS, oddKeys, type Runner, refused, runSuite, type SuiteOptions } from "./suite.ts";

/** What the suite is told of a vault. */
export interface VaultSuiteOptions extends SuiteOptions<Vault> {
  /** The most that it keeps of a record, in bytes of JSON. Default: at least a megabyte. */
  readonly maxBytes?: number | undefined;
}

/**
 * Runs the contract of {@link Vault} against one.
 *
 * @param options `open` makes a vault with keys of its own, which no other one has.
 * @throws TypeError for a deviation that names no case.
 */
export function vaultConformance(runner: Runner, options: VaultSuiteOptions): void {
  runSuite(runner, options, [...cases, largest(options.maxBytes)]);
}

const CANARY = "canary-5ae1f0-secret";
const secrets: Secrets = { "/token": CANARY };
const binding = () => new Uint8Array(32).fill(7);
const record = { id: "0b0f4f3e-3c5a-4f5e-9d0a-5d1c2f6a7b80", kind: "document", type: "part", name: "one" };
const another = { ...record, id: "1c1f4f3e-3c5a-4f5e-9d0a-5d1c2f6a7b81", name: "two" };
const elsewhere = () => new Uint8Array(32).fill(8);

/** What a vault may say of a token that is not, or not any more, its own; never an answer, and never "not found". */
const REFUSALS = ["ERR_CANNOT_OPEN", "ERR_UNKNOWN_KEY", "ERR_WRONG_KEY", "ERR_UNSUPPORTED"] as const;

async function roundTrip(vault: Vault, given: Secrets): Promise<void> {
  assert.deepStrictEqual(await vault.open(await vault.seal(given, binding, record), binding), given);
}

const cases: readonly Case<Vault>[] = [
  { name: "opens what it sealed", run: (vault) => roundTrip(vault, { "/a": CANARY, "/b/0": 5, "/c~1d": [null, true, { e: "f" }] }) },
  { name: "seals a record without secrets too, and opens it", run: (vault) => roundTrip(vault, {}) },
  {
    name: "keeps empty secrets apart",
    run: (vault) => roundTrip(vault, { "/a": "", "/b": null, "/c": [], "/d": {}, "/e": 0, "/f": false }),
  },
  { name: "keeps text of every script", run: (vault) => roundTrip(vault, { "/texts": ODD_TEXTS }) },
  { name: "keeps __proto__ and constructor as keys of a secret", run: (vault) => roundTrip(vault, { "/record": oddKeys() }) },
  {
    name: "shares no object with who sealed or opened",
    async run(vault) {
      const given: { [key: string]: Json } = { "/record": { a: "before" } };
      const token = await vault.seal(given, binding, record);
      given["/record"] = "after";
      ((await vault.open(token, binding)) as { [key: string]: Json })["/record"] = "after";
      assert.deepStrictEqual(await vault.open(token, binding), { "/record": { a: "before" } });
    },
  },
  {
    name: "seals the same twice differently",
    async run(vault) {
      assert.notEqual(await vault.seal(secrets, binding, record), await vault.seal(secrets, binding, record));
    },
  },
  {
    name: "shows no secret in a token",
    async run(vault) {
      const token = await vault.seal(secrets, binding, record);
      for (const encoding of ["utf8", "base64url", "hex"] as const) {
        const shown = Buffer.from(CANARY).toString(encoding).slice(0, 16);
        assert(!token.includes(shown) && !Buffer.from(token, "base64url").toString("latin1").includes(CANARY));
      }
    },
  },
  {
    name: "refuses another binding",
    async run(vault) {
      const token = await vault.seal(secrets, binding, record);
      await refused("ERR_CANNOT_OPEN", () => vault.open(token, elsewhere));
    },
  },
  {
    name: "refuses the token of another record",
    async run(vault) {
      const token = await vault.seal(secrets, binding, record);
      await vault.seal({ "/token": "of another" }, elsewhere, another);
      await refused("ERR_CANNOT_OPEN", () => vault.open(token, elsewhere));
      assert.deepStrictEqual(await vault.open(token, binding), secrets);
    },
  },
  {
    name: "keeps the secrets of records apart whose names fold into one",
    async run(vault) {
      const names = ["dbG", "dba", "dbg", "é", "e\u0301"];
      const tokens: string[] = [];
      for (const [index, name] of names.entries())
        tokens.push(await vault.seal({ "/token": name }, () => new Uint8Array(32).fill(index), { ...record, id: randomUUID(), name }));
      for (const [index, name] of names.entries())
        assert.deepStrictEqual(await vault.open(tokens[index] ?? "", () => new Uint8Array(32).fill(index)), { "/token": name });
    },
  },
  {
    name: "refuses a token with any bit flipped",
    async run(vault) {
      const token = await vault.seal(secrets, binding, record);
      for (let bit = 0; bit < token.length * 8; bit++) {
        const bytes = Buffer.from(token, "latin1");
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
        await refused(REFUSALS, () => vault.open(bytes.toString("latin1"), binding));
      }
    },
  },
  {
    name: "refuses a token cut at any length, or made longer",
    async run(vault) {
      const token = await vault.seal(secrets, binding, record);
      for (let length = 0; length < token.length; length++) await refused(REFUSALS, () => vault.open(token.slice(0, length), binding));
      for (const more of ["A", "AAAA", "=", ".", " ", "\n", token]) await refused(REFUSALS, () => vault.open(token + more, binding));
    },
  },
  {
    name: "refuses what is no token",
    async run(vault) {
      for (const text of ["", ".", "..", "{}", JSON.stringify(secrets), "********", CANARY, "\u0000", "ashlar", "0"])
        await refused(REFUSALS, () => vault.open(text, binding));
    },
  },
  {
    name: "names the key that it does not hold",
    async run(vault, another) {
      const foreign = await another();
      const token = await foreign.seal(secrets, binding, record);
      const error = await refused("ERR_UNKNOWN_KEY", () => vault.open(token, binding));
      assert.notEqual(vault.keyOf(token), "", "keyOf() tells which key the token needs");
      assert.deepStrictEqual(error.details.keys, [foreign.keyOf(token)]);
    },
  },
  {
    name: "has an answer to keyOf() for any text",
    async run(vault) {
      for (const text of ["", ".", "a.b.c", await vault.seal(secrets, binding, record)]) assert.equal(typeof vault.keyOf(text), "string");
    },
  },
  {
    name: "seals with the key that sealingKey() tells",
    async run(vault) {
      assert.equal(await vault.sealingKey(), vault.keyOf(await vault.seal(secrets, binding, record)));
    },
  },
  {
    name: "derives, where it can, a key for each purpose, the same each time, which no other vault has",
    async run(vault, another) {
      if (!vault.derive) return assert.equal((await another()).derive, undefined, "one vault of a kind derives and another does not");
      const { key, bytes } = await vault.derive("one");
      assert.deepStrictEqual([key, bytes.length], [await vault.sealingKey(), 32]);
      assert.deepStrictEqual(await vault.derive("one", key), { key, bytes });
      assert.notDeepStrictEqual((await vault.derive("two")).bytes, bytes);
      assert.notDeepStrictEqual((await (await another()).derive?.("one"))?.bytes, bytes);
      const unknown = await refused("ERR_UNKNOWN_KEY", () => vault.derive?.("one", "ffffffff"));
      assert.deepStrictEqual(unknown.details.keys, ["ffffffff"]);
    },
  },
  {
    name: "forgets only what is discarded",
    async run(vault) {
      const [kept, dropped] = [await vault.seal(secrets, binding, record), await vault.seal({}, binding, record)];
      await vault.discard(dropped, false);
      await vault.discard(dropped, false);
      await vault.discard("never sealed", true);
      assert.deepStrictEqual(await vault.open(kept, binding), secrets);
    },
  },
  {
    name: "says no secret in a refusal",
    async run(vault, another) {
      const token = await (await another()).seal(secrets, binding, record);
      for (const text of [token, `${token}x`, CANARY]) {
        const error = await refused(REFUSALS, () => vault.open(text, binding));
        assert(!`${error.stack} ${JSON.stringify(error.details)} ${error.cause}`.includes(CANARY));
      }
    },
  },
  {
    name: "closes twice",
    async run(vault) {
      await vault.close();
      await vault.close();
    },
  },
];

function largest(maxBytes: number | undefined): Case<Vault> {
  const filled = (bytes: number) => ({ "/large": "x".repeat(bytes - JSON.stringify({ "/large": "" }).length) });
  if (maxBytes === undefined) return { name: "keeps a secret of a megabyte", run: (vault) => roundTrip(vault, filled(1024 * 1024)) };
  return {
    name: `keeps secrets of ${maxBytes} bytes; more are ERR_LIMIT, stating the limit`,
    async run(vault) {
      await roundTrip(vault, filled(maxBytes));
      const error = await refused("ERR_LIMIT", () => vault.seal(filled(maxBytes + 1), binding, record));
      assert.match(error.message, new RegExp(String(maxBytes)));
    },
  };
}
