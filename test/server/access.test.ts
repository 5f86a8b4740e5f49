/** Who is let in: headers in every form, tokens that are none, and what a role and a scope may do. */
import { describe, expect, it, vi } from "vitest";
import type { Role, TokenGrant } from "../../src/access-token.ts";
import { memoryBackend } from "../../src/backends/memory.ts";
import { Secret } from "../../src/secret.ts";
import { type Access, principalOf, storeAccess, tokenFromVariable } from "../../src/server/access.ts";
import type { AccessTokens } from "../../src/stores/access-tokens.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { failing } from "../../src/testing.ts";
import { memoryVault } from "../../src/vaults/memory.ts";

const store = sealedStore({ backend: memoryBackend(), vault: memoryVault() });
const tokens = store.accessTokens as AccessTokens;
const access = storeAccess(store);
let count = 0;

async function token(grant: Partial<TokenGrant> = {}): Promise<{ name: string; text: string }> {
  const name = `token-${++count}`;
  const { text } = await tokens.create({ name, roles: ["viewer"], types: null, names: null, expires: null, ...grant });
  return { name, text: text.reveal() };
}

const base64 = (text: string) => Buffer.from(text).toString("base64");
const nameOf = async (header: string | undefined, by: Access = access) => (await by.authenticate(header))?.name;

describe("a header", () => {
  it("is Bearer, or Basic with the token alone or after its name", async () => {
    const { name, text } = await token();
    for (const header of [
      `Bearer ${text}`,
      `bearer ${text}`,
      `Basic ${base64(text)}`,
      `BASIC ${base64(text)}`,
      `Basic ${base64(`${name}:${text}`)}`,
    ])
      expect(await nameOf(header)).toBe(name);
  });

  it("of any other form lets nobody in", async () => {
    const [{ name, text }, other] = [await token(), await token()];
    const headers = [
      ...[undefined, "", " ", "Bearer", "Bearer ", "Basic ", "Basic", text, base64(text), `Token ${text}`, `Bearer  ${name}:${text}`],
      ...[`Bearer ${base64(text)}`, `Basic ${text}`, `Bearer ${text}, Bearer ${text}`, `Bearer ${text.slice(0, -1)}`, `Bearer ${text}x`],
      ...[
        `Basic ${base64(`${other.name}:${text}`)}`,
        `Basic ${base64(`:${text}`)}`,
        `Basic ${base64(`${name}:${text}:`)}`,
        `Basic ${base64(`${name}:`)}`,
      ],
      ...[
        `Bearer ${"a".repeat(100_000)}`,
        `Basic ${base64("\0".repeat(500))}`,
        `Basic ${base64(`${name}:${other.text}`)}`,
        "Basic ====",
        "Bearer %00",
      ],
    ];
    for (const header of headers) expect([header?.slice(0, 60), await nameOf(header)]).toEqual([header?.slice(0, 60), undefined]);
  });

  it("with a token that is revoked or has expired lets nobody in", async () => {
    const [revoked, expired] = [await token({ roles: ["admin"] }), await token({ expires: new Date(Date.now() - 1).toISOString() })];
    expect(await nameOf(`Bearer ${revoked.text}`)).toBe(revoked.name);
    await tokens.revoke(revoked.name);
    for (const { text } of [revoked, expired]) expect(await nameOf(`Bearer ${text}`)).toBeUndefined();
  });

  it("is no refusal where the store fails", async () => {
    for (const code of ["ERR_UNREACHABLE", "ERR_DENIED"] as const) {
      const broken = storeAccess(sealedStore({ backend: failing(memoryBackend(), code), vault: memoryVault() }));
      await expect(broken.authenticate(`Bearer ${(await token()).text}`)).rejects.toMatchObject({ code });
    }
  });
});

describe("the token of the environment", () => {
  const text = "0123456789abcdef0123456789abcdef";

  it("is an admin's, also before a store without tokens, and no other", async () => {
    const { accessTokens: _none, ...without } = store;
    for (const each of [store, without as typeof store]) {
      const by = storeAccess(each, { tokenFromEnvironment: new Secret(text) });
      for (const header of [`Bearer ${text}`, `Basic ${base64(text)}`, `Basic ${base64(`anyone:${text}`)}`]) {
        const found = await by.authenticate(header);
        expect([found?.name, found?.may("admin")]).toEqual(["(environment)", true]);
      }
      for (const wrong of [text.slice(1), `${text}0`, text.toUpperCase(), "0".repeat(32)])
        expect(await nameOf(`Bearer ${wrong}`, by)).toBeUndefined();
    }
    expect(await nameOf(`Bearer ${text}`)).toBeUndefined();
  });

  it("is taken out of the environment, and shown by nothing", () => {
    const environment = { T: ` ${text}\n` };
    const secret = tokenFromVariable("T", environment);
    expect([secret.reveal(), environment.T, String(secret)]).toEqual([text, undefined, "an access token"]);
  });

  it.each([
    ["ERR_NO_KEY", "T, which is to hold an access token, is not set", ""],
    ["ERR_WRONG_KEY", "in T could be guessed", "0123456789abcdef"],
    ["ERR_WRONG_KEY", "in T could be guessed", "a".repeat(64)],
    ["ERR_WRONG_KEY", "in T could be guessed", `user:${text}`],
    ["ERR_WRONG_KEY", "in T is damaged", `ashlartoken1_${text}`],
  ])("is refused with %s: %s", (code, message, value) => {
    let thrown: unknown;
    try {
      tokenFromVariable("T", { T: value });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code, message: expect.stringContaining(message) });
    if (value !== "") expect(String(thrown)).not.toContain(value);
  });
});

describe("who was refused too often", () => {
  it("is told to wait, by address; a good token is let in all the same, and counts for nobody", async () => {
    const by = storeAccess(store);
    const { text } = await token();
    const bad = async (address: string, times: number) => {
      for (let time = 0; time < times; time++) expect(await by.authenticate("Bearer nonsense", address)).toBeNull();
      return by.retryAfter(address);
    };
    expect(await bad("192.0.2.1", 10)).toBeUndefined();
    expect(await bad("192.0.2.1", 1)).toBeGreaterThan(50);
    expect(by.retryAfter("::ffff:192.0.2.1")).toBeGreaterThan(50);
    expect(await by.authenticate(`Bearer ${text}`, "192.0.2.1")).not.toBeNull();
    expect([by.retryAfter("192.0.2.2"), await bad("192.0.2.2", 1)]).toEqual([undefined, undefined]);
    for (let time = 0; time < 100; time++) await by.authenticate(undefined, "192.0.2.3");
    expect(by.retryAfter("192.0.2.3")).toBeUndefined();
  });

  it("is a whole network of IPv6, and forgotten after a minute", async () => {
    vi.useFakeTimers();
    try {
      const by = storeAccess(store);
      for (let host = 1; host <= 11; host++) await by.authenticate("Bearer nonsense", `2001:db8::${host.toString(16)}`);
      expect(by.retryAfter("2001:db8:0:0:1:2:3:4")).toBe(60);
      expect(by.retryAfter("2001:db8:0:1::1")).toBeUndefined();
      vi.advanceTimersByTime(60_001);
      expect(by.retryAfter("2001:db8::1")).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  it("never costs more memory than for ten thousand addresses", async () => {
    const by = storeAccess(store);
    for (let time = 0; time < 11; time++) await by.authenticate("Bearer nonsense", "192.0.2.9");
    expect(by.retryAfter("192.0.2.9")).toBeDefined();
    for (let each = 0; each < 10_000; each++)
      await by.authenticate("Bearer nonsense", `10.${each >> 16}.${(each >> 8) & 255}.${each & 255}`);
    expect(by.retryAfter("192.0.2.9")).toBeUndefined(); // the oldest made room
  });
});

describe("roles and scopes", () => {
  const holder = (roles: Role[], types: string[] | null = null, names: string[] | null = null) =>
    principalOf({ name: "a", roles, types, names });
  const rights = ["see", "reveal", "write", "admin"] as const;

  it.each([
    [["viewer"], ["see"]],
    [["user"], ["see", "reveal"]],
    [["editor"], ["see", "write"]],
    [
      ["user", "editor"],
      ["see", "reveal", "write"],
    ],
    [
      ["viewer", "editor"],
      ["see", "write"],
    ],
    [["admin"], ["see", "reveal", "write", "admin"]],
  ] as const)("%s may %s", (roles, expected) => {
    for (const target of [undefined, { type: "a" }, { type: "a", name: "b" }])
      expect(rights.filter((right) => holder([...roles]).may(right, target))).toEqual(expected);
  });

  it("keep to types, and to names by pattern", () => {
    const some = holder(["user", "editor"], ["a", "b"], ["x-*", "y"]);
    const may = (type: string, name?: string) => rights.filter((right) => some.may(right, { type, name }));
    expect([may("a", "x-1"), may("b", "y"), may("c", "y"), may("a", "y-1"), may("a", "xx-")]).toEqual([
      ["see", "reveal", "write"],
      ["see", "reveal", "write"],
      [],
      [],
      [],
    ]);
    expect([may("a"), may("c")]).toEqual([["see"], []]); // a type as a whole is more than the names
    expect([some.scoped, holder(["admin"]).scoped]).toEqual([true, false]);
    expect(rights.filter((right) => some.may(right))).toEqual(["see", "reveal", "write"]);
  });
});
