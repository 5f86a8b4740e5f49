/** Every way in which a secret could show itself, for `Secret` and for blocks that hold secrets at every depth. */
import assert from "node:assert";
import { Console } from "node:console";
import { cpSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { pathToFileURL } from "node:url";
import { format, inspect } from "node:util";
import { serialize } from "node:v8";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { AshlarError, Block, block, isAshlarError, openStore, Secret, secret } from "../src/index.ts";
import { temporaryFolder } from "./temporary.ts";

const CANARY = "cAnAry-5f3a91e0-zq";
const MASK = "********";

/** The canary in the encodings in which it could hide: base64 at each of its three offsets, hexadecimal, URI, JSON's escapes. */
const encodings = [
  CANARY,
  ...[0, 1, 2].map((shift) => Buffer.from(CANARY).subarray(shift).toString("base64").slice(0, 16)),
  Buffer.from(CANARY).toString("base64url").slice(0, 16),
  Buffer.from(CANARY).toString("hex"),
  Buffer.from(CANARY).toString("hex").toUpperCase(),
  encodeURIComponent(CANARY),
  Array.from(CANARY, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
];

function expectHidden(shown: string): void {
  for (const encoded of encodings) expect(shown.includes(encoded), "the secret shows").toBe(false);
}

/** What a console writes. */
function written(write: (out: Console) => void): string {
  let text = "";
  const stream = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  write(new Console({ stdout: stream, stderr: stream }));
  return text;
}

function thrownBy(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    return error as Error;
  }
  throw new Error("nothing was thrown");
}

const whole = { depth: Infinity, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null } as const;

/** Ways to show a value as text; where the value is a Secret, the mask shows. */
const asText: Record<string, (value: unknown) => string> = {
  "String()": (value) => String(value),
  template: (value) => `${value}`,
  concatenation: (value) => "=".concat(value as string),
  join: (value) => [value, value].join(),
  "toLocaleString()": (value) => (value as object).toLocaleString() + [value].toLocaleString(),
  "%s": (value) => format("%s", value),
  URLSearchParams: (value) => new URLSearchParams({ value: value as string }).get("value") ?? "",
  "Error message": (value) => new Error(value as string).message,
};

/** Ways to show a value with what it holds; the mask of each secret shows, in blocks too. */
const withContent: Record<string, (value: unknown) => string> = {
  "JSON.stringify": (value) => JSON.stringify({ value }, null, 2),
  "%j": (value) => format("%j", value),
  inspect: (value) => inspect(value, { depth: 20 }),
  "inspect of a list, a map and a set": (value) => inspect([[value], new Map([[value, value]]), new Set([value])], { depth: 20 }),
  "inspect with everything": (value) => inspect(value, whole),
  "inspect, compact and coloured": (value) =>
    inspect(value, { ...whole, compact: true, colors: true, sorted: true, breakLength: Infinity }),
  "%o and %O": (value) => format("%o %O", { value }, value),
  "console.log": (value) => written((out) => out.log(value, "%o", value)),
  "console.table": (value) => written((out) => out.table([value])) + written((out) => out.table([{ value }])),
  "an Error's cause": (value) => inspect(new Error("with a cause", { cause: value }), { depth: 20 }),
  "an Error's own property": (value) => inspect(Object.assign(new Error("with a property"), { value }), { depth: 20 }),
};

/** Ways to take a value apart; nothing of a secret comes out, not even a mask. */
const takenApart: Record<string, (value: object) => string> = {
  "console.dir": (value) => written((out) => out.dir(value, { depth: null, showHidden: true })) + written((out) => out.dir(value)),
  "inspect without our own form": (value) => inspect(value, { ...whole, customInspect: false }),
  spread: (value) => inspect({ ...value }, { ...whole, customInspect: false }),
  "Object.assign": (value) => inspect(Object.assign({}, value), { ...whole, customInspect: false }),
  "Object.entries": (value) => inspect(Object.entries(value), { ...whole, customInspect: false }),
  "property descriptors": (value) => inspect(Object.getOwnPropertyDescriptors(value), { ...whole, customInspect: false }),
  "own keys": (value) => inspect(Reflect.ownKeys(value)),
  "for in": (value) => {
    let text = "";
    for (const key in value) text += `${key}=${(value as Record<string, unknown>)[key]}`;
    return text;
  },
  structuredClone: (value) => inspect(structuredClone(value), { ...whole, customInspect: false }),
  "v8.serialize": (value) => serialize(value).toString("latin1") + serialize(value).toString("utf16le"),
  "JSON of its parts": (value) => JSON.stringify([{ ...value }, Object.entries(value), Object.getOwnPropertyDescriptors(value)]),
  "assert.deepStrictEqual": (value) => {
    const error = thrownBy(() => assert.deepStrictEqual({ value }, { value: "something else" }));
    return inspect(error, whole) + error.stack;
  },
  "assert.equal": (value) =>
    inspect(
      thrownBy(() => assert.equal(value, "something else")),
      whole,
    ),
  "vitest toEqual": (value) =>
    inspect(
      thrownBy(() => expect({ value }).toEqual({ value: "something else" })),
      whole,
    ),
  "vitest toBe": (value) =>
    inspect(
      thrownBy(() => expect(value).toBe("something else")),
      whole,
    ),
};

describe("Secret shows a mask as text", () => {
  for (const [name, show] of Object.entries(asText))
    it(name, () => {
      expectHidden(show(new Secret(CANARY)));
      expect(show(new Secret(CANARY))).toContain(MASK);
    });
});

describe("Secret shows a mask in what holds it", () => {
  for (const [name, show] of Object.entries(withContent))
    it(name, () => {
      for (const value of [CANARY, { deep: [CANARY] }, Buffer.from(CANARY)]) {
        expectHidden(show(new Secret(value)));
        expect(show(new Secret(value))).toContain(MASK);
      }
    });
});

describe("Secret cannot be taken apart", () => {
  for (const [name, show] of Object.entries(takenApart))
    it(name, () => {
      for (const value of [CANARY, { deep: [CANARY] }]) expectHidden(show(new Secret(value)));
    });

  it("has no keys, cannot be changed, and is no number", () => {
    const hidden = new Secret(CANARY);
    expect(Reflect.ownKeys(hidden)).toEqual([]);
    expect(JSON.stringify({ ...hidden })).toBe("{}");
    expect(Object.isFrozen(hidden)).toBe(true);
    expect([Number(hidden), +(hidden as unknown as string), Number.parseInt(hidden as unknown as string, 10)]).toEqual([
      Number.NaN,
      Number.NaN,
      Number.NaN,
    ]);
    expect(format("%d %i %f", hidden, hidden, hidden)).toBe("NaN NaN NaN");
    expect(Object.prototype.toString.call(hidden)).toBe("[object Secret]");
    expect(hidden.valueOf()).toBe(hidden);
    expectHidden(inspect(thrownBy(() => BigInt(hidden as unknown as string))));
  });

  it("shows a mask of one length whatever it hides", () => {
    for (const value of ["", "a", "x".repeat(1000), null, 5, []]) expect(String(new Secret(value))).toBe(MASK);
  });
});

describe("the matrix itself", () => {
  it("finds a class that only has toString() and toJSON()", () => {
    class Naive {
      readonly value = CANARY;
      toString = () => MASK;
      toJSON = () => MASK;
    }
    const leaks = Object.values({ ...withContent, ...takenApart }).filter((show) => {
      try {
        return encodings.some((encoded) => show(new Naive()).includes(encoded));
      } catch {
        return false; // its functions cannot be cloned
      }
    });
    expect(leaks.length).toBeGreaterThan(15);
  });
});

class Inner extends Block.define({
  name: "Leak Inner",
  fields: { user: z.string(), token: secret(), headers: secret(z.record(z.string(), z.string())).optional() },
}) {}

class Outer extends Block.define({
  name: "Leak Outer",
  fields: {
    host: z.string(),
    password: secret(),
    inner: Inner,
    list: z.array(secret()),
    record: z.record(z.string(), secret()),
    nested: z.object({ deeper: z.array(z.object({ token: secret(z.object({ a: z.string() })) })) }),
    either: z.union([z.int(), secret()]),
    maybe: secret().optional(),
    blocks: z.array(block(Inner)),
    bytes: secret(z.base64()).optional(),
  },
}) {
  get login(): string {
    return `${this.inner.user}@${this.host}`;
  }
}

class Further extends Outer.extend({ name: "Leak Further", fields: { more: secret() } }) {}

const inner = () => new Inner({ user: "public-user", token: CANARY, headers: { authorization: CANARY } });
const input = () => ({
  host: "public-host",
  password: CANARY,
  inner: inner(),
  list: [CANARY, new Secret(CANARY)],
  record: { one: CANARY },
  nested: { deeper: [{ token: { a: CANARY } }] },
  either: CANARY,
  maybe: CANARY,
  blocks: [inner(), inner()],
  bytes: Buffer.from(CANARY).toString("base64"),
});

for (const [kind, make] of Object.entries({ block: () => new Outer(input()), subclass: () => new Further({ ...input(), more: CANARY }) })) {
  describe(`a ${kind} with secrets at every depth hides them`, () => {
    for (const [name, show] of Object.entries(asText)) it(name, () => expectHidden(show(make())));
    for (const [name, show] of Object.entries(withContent))
      it(name, () => {
        expectHidden(show(make()));
        expect(show(make())).toMatch(/\*{8}/);
        expect(show(make())).toContain("public-host");
      });
    for (const [name, show] of Object.entries(takenApart)) it(name, () => expectHidden(show(make())));
  });
}

it("a stored document hides its secrets as the block does", async () => {
  const store = await openStore("memory:");
  await new Outer(input()).save("one", { store });
  for (const value of [
    await Outer.load("one", { store }),
    await Outer.list({ store }),
    await store.load({ type: "leak-outer", name: "one" }),
  ])
    for (const show of Object.values({ ...withContent, ...takenApart })) expectHidden(show(value));
  for (const show of Object.values(withContent)) expectHidden(show(store));
});

describe("a label", () => {
  it("stands in text and inspection, and never in JSON, which must be known for a mask", () => {
    const labelled = new Secret(CANARY, "pager key");
    expect(`${labelled}`).toBe("pager key");
    expect(inspect(labelled)).toBe("Secret(pager key)");
    expect(JSON.stringify(labelled)).toBe(JSON.stringify(MASK));
    expect(labelled.reveal()).toBe(CANARY);
  });
});

describe("equals", () => {
  it("compares what is hidden, which deep equality does not", () => {
    const pairs: [unknown, unknown, boolean][] = [
      ["a", "a", true],
      ["a", "b", false],
      ["1", 1, false],
      [1, 1, true],
      [null, undefined, false],
      ["", null, false],
      [{ a: 1, b: [2] }, { b: [2], a: 1 }, true],
      [{ a: 1 }, { a: 1, b: undefined }, true],
      [{ a: 1 }, [["a", 1]], false],
      [["a,b"], ["a", "b"], false],
      [new Date(5), new Date(5), true],
      [new Date(5), 5, false],
      [new Uint8Array([1, 2]), Buffer.from([1, 2]), true],
      [10n, 10n, true],
      [10n, 10, false],
      [new Secret("a"), new Secret("a"), true],
      [{ a: new Secret("a") }, { a: new Secret("b") }, false],
    ];
    for (const [left, right, equal] of pairs) {
      expect(new Secret(left).equals(new Secret(right))).toBe(equal);
      expect(new Secret(right).equals(new Secret(left))).toBe(equal);
    }
    expect(new Secret("a").equals("a")).toBe(false);
    expect(new Secret("a").equals(null)).toBe(false);
    assert.deepStrictEqual(new Secret("a"), new Secret("b")); // why equals() is there
  });

  it("takes the same time wherever two differ", () => {
    const [own, early, late] = [`${"x".repeat(99_999)}y`, `z${"x".repeat(99_998)}y`, `${"x".repeat(99_999)}z`].map(
      (text) => new Secret(text),
    );
    const median = (other: Secret | undefined) => {
      const times = Array.from({ length: 300 }, () => {
        const start = process.hrtime.bigint();
        own?.equals(other);
        return Number(process.hrtime.bigint() - start);
      });
      return times.sort((a, b) => a - b)[150] as number;
    };
    median(early); // warm
    const ratio = median(early) / median(late);
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });
});

describe("a second installed copy", async () => {
  const root = join(import.meta.dirname, "..");
  const folder = temporaryFolder();
  cpSync(join(root, "src"), join(folder, "src"), { recursive: true });
  cpSync(join(root, "package.json"), join(folder, "package.json"));
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  const copy = (await import(/* @vite-ignore */ pathToFileURL(join(folder, "src", "index.ts")).href)) as typeof import("../src/index.ts");

  it("makes secrets that are secrets here too, hide, reveal and equal", () => {
    const theirs = new copy.Secret(CANARY);
    expect(copy.Secret).not.toBe(Secret);
    expect(theirs instanceof Secret).toBe(true);
    expect(new Secret(CANARY) instanceof copy.Secret).toBe(true);
    expect(theirs.reveal()).toBe(CANARY);
    expect(theirs.equals(new Secret(CANARY)) && new Secret(CANARY).equals(theirs)).toBe(true);
    expect(theirs.equals(new Secret("other")) || new Secret("other").equals(theirs)).toBe(false);
    for (const show of Object.values({ ...asText, ...withContent, ...takenApart })) expectHidden(show(theirs));
    expect({ theirs: true, plain: ({} as object) instanceof Secret, text: ("x" as unknown) instanceof Secret }).toEqual({
      theirs: true,
      plain: false,
      text: false,
    });
  });

  it("makes fields, errors and blocks that are known here", async () => {
    expect(new Inner({ user: "u", token: new copy.Secret(CANARY) }).token.reveal()).toBe(CANARY);
    expect(isAshlarError(new copy.AshlarError("ERR_LIMIT", "m"), "ERR_LIMIT")).toBe(true);
    class Theirs extends copy.Block.define({ name: "Leak Theirs", fields: { token: copy.secret() } }) {}
    class Ours extends Block.define({ name: "Leak Ours", fields: { theirs: Theirs } }) {}
    const store = await openStore("memory:");
    await new Ours({ theirs: { token: CANARY } }).save("one", { store });
    const loaded = await Ours.load("one", { store });
    expect(loaded.theirs.token.reveal()).toBe(CANARY);
    for (const show of Object.values(withContent)) expectHidden(show(loaded));
  });
});

describe("no error says a secret", () => {
  /** Everything that an error tells, its cause included. */
  const told = (error: unknown) =>
    `${inspect(error, whole)}${(error as Error).stack}${JSON.stringify(error)}${String((error as Error).cause)}`;
  const failures: Record<string, () => unknown> = {
    ERR_DEFINITION: () => Block.define({ name: "X", fields: { token: secret().default(new Secret(CANARY)) } as never }),
    "ERR_INVALID of a wrong type": () => new Outer({ ...input(), inner: { user: 5, token: CANARY } } as never),
    "ERR_INVALID of a secret's inside": () =>
      new Outer({ ...input(), nested: { deeper: [{ token: { a: 5, [CANARY]: CANARY } }] } } as never),
    "ERR_INVALID of a check": () =>
      new (class extends Block.define({
        name: "Leak Check",
        fields: { token: secret(z.string().refine(() => false, { error: (issue) => `bad: ${String(issue.input)}` })) },
      }) {})({ token: CANARY }),
    "ERR_INVALID of a check that throws": () =>
      new (class extends Block.define({
        name: "Leak Throw",
        fields: {
          token: secret(
            z.string().refine((value) => {
              throw new Error(`cannot check ${value}`);
            }),
          ),
        },
      }) {})({ token: CANARY }),
    "ERR_INVALID of a format": () =>
      new (class extends Block.define({ name: "Leak Format", fields: { token: secret(z.url()) } }) {})({ token: CANARY }),
    ERR_EXISTS: async () => {
      const store = await openStore("memory:");
      await new Outer(input()).save("one", { store });
      await new Outer(input()).save("one", { store });
    },
    ERR_CHANGED_CHILD: async () => {
      const store = await openStore("memory:");
      const saved = await inner().save("one", { store });
      await new Outer({ ...input(), inner: saved.with({ token: `${CANARY}2` }) }).save("two", { store });
    },
    ERR_SCHEMA: async () => {
      const store = await openStore("memory:");
      await new Outer(input()).save("one", { store });
      class Newer extends Block.define({ name: "Leak Outer", fields: { host: z.int(), password: secret(z.int()) } }) {}
      await Newer.load("one", { store });
    },
    ERR_LIMIT: async () => new Outer(input()).save("one", { store: await openStore("memory:", { maxBytes: 10 }) }),
    "ERR_INVALID of a URL": () => openStore(`sqlite://user:${CANARY}@host/path`),
    "ERR_INVALID of an unknown scheme": () => openStore(`other://user:${CANARY}@host/path`),
    ERR_WRONG_KEY: async () => {
      const path = join(temporaryFolder(), "a.db");
      const store = await openStore(`sqlite:${path}`, { create: true, keys: [`ashlarkey1_${CANARY}`] });
      await new Outer(input()).save("one", { store });
    },
    ERR_CONFLICT: async () => {
      const store = await openStore("memory:");
      await new Outer(input()).save("one", { store, ifRevision: 5 });
    },
    ERR_CANNOT_OPEN: async () => {
      const { memoryBackend } = await import("../src/backends/memory.ts");
      const { memoryVault } = await import("../src/vaults/memory.ts");
      const { sealedStore } = await import("../src/stores/sealed.ts");
      const backend = memoryBackend();
      await new Outer(input()).save("one", { store: sealedStore({ backend, vault: memoryVault() }) });
      await Outer.load("one", { store: sealedStore({ backend, vault: memoryVault() }) });
    },
  };

  for (const [name, fail] of Object.entries(failures))
    it(name, async () => {
      const error = await Promise.resolve()
        .then(fail)
        .then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
      expect(error).toBeInstanceOf(AshlarError);
      expect((error as AshlarError).code).toBe(name.split(" ")[0]);
      expectHidden(told(error));
    });
});

it("JSON of a block is never taken for its values", async () => {
  const masked = JSON.parse(JSON.stringify(inner())) as { user: string; token: string };
  expect(masked).toMatchObject({ user: "public-user", token: MASK });
  expect(() => new Inner(masked)).toThrow(/token: this is the mask of a secret/);
  expect(() => inner().with({ token: MASK })).toThrow(/mask/);
});

it("what is not set cannot be hidden: the optional stands outside", () => {
  for (const inner of [z.string().optional(), z.union([z.int(), z.string().optional()])])
    expect(() => secret(inner)).toThrow(
      expect.objectContaining({ code: "ERR_DEFINITION", message: expect.stringContaining("secret(…).optional()") }),
    );
  expect(new (class extends Block.define({ name: "Leak Unset", fields: { token: secret().optional() } }) {})({}).token).toBeUndefined();
});
