/** The text of access tokens, patterns of names, and what cannot be a token. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkGrant,
  fitsPattern,
  isInForce,
  isTokenOf,
  newTokenText,
  ROLES,
  type TokenGrant,
  tokenForm,
  tokenHash,
  tokenPlace,
} from "../src/access-token.ts";

const INVALID = expect.objectContaining({ code: "ERR_INVALID" });
const grant: TokenGrant = { name: "ci", roles: ["viewer"], types: null, names: null, expires: null };

describe("the text of a token", () => {
  it("has a fixed beginning, 256 random bits and a checksum, and never comes twice", () => {
    const texts = Array.from({ length: 200 }, newTokenText);
    for (const text of texts) expect(text).toMatch(/^ashlartoken1_[A-Za-z0-9_-]{43}_[0-9a-f]{6}$/);
    expect(new Set(texts.map((text) => text.slice(13, 56))).size).toBe(200);
  });

  it("with any one character changed, left out or doubled is damaged, never whole", () => {
    const text = newTokenText();
    expect(tokenForm(text)).toBe("whole");
    for (let at = 0; at < text.length; at++) {
      const changed = `${text.slice(0, at)}${text[at] === "x" ? "y" : "x"}${text.slice(at + 1)}`;
      for (const each of [changed, text.slice(0, at) + text.slice(at + 1), text.slice(0, at) + text[at] + text.slice(at)])
        expect([at, tokenForm(each)]).toEqual([at, at < 13 && !each.startsWith("ashlartoken1_") ? "other" : "damaged"]);
    }
    for (const other of ["", "secret", "ashlarkey1_x"]) expect(tokenForm(other)).toBe("other");
  });

  it("is told by neither digest, and the digests differ", () => {
    const text = newTokenText();
    expect(tokenPlace(text)).toMatch(/^[0-9a-f]{32}$/);
    expect(tokenHash(text)).toMatch(/^[0-9a-f]{64}$/);
    expect(tokenHash(text).startsWith(tokenPlace(text))).toBe(false);
  });

  it("is compared whole: another text, and a hash of any other length or content, is not it", () => {
    const text = newTokenText();
    const hash = tokenHash(text);
    expect(isTokenOf(hash, text)).toBe(true);
    expect(isTokenOf(hash, newTokenText())).toBe(false);
    for (const wrong of ["", hash.slice(1), `${hash}0`, hash.toUpperCase(), `${hash.slice(0, -1)}${hash.endsWith("0") ? "1" : "0"}`])
      expect(isTokenOf(wrong, text)).toBe(false);
  });
});

describe("a pattern of names", () => {
  it("fits what the same regular expression fits", () => {
    const text = (letters: string, maxLength: number) => fc.string({ unit: fc.constantFrom(...letters), maxLength });
    fc.assert(
      fc.property(text("ab-", 12), text("ab-*", 8), (name, pattern) => {
        expect(fitsPattern(name, pattern)).toBe(new RegExp(`^${pattern.replaceAll("*", ".*")}$`, "s").test(name));
      }),
      { numRuns: 2000 },
    );
  });

  it("takes no time to speak of where a regular expression would not come to an end", () => {
    const many = fitsPattern("a".repeat(2000), `${"*a".repeat(50)}*b`); // a test that hangs fails
    expect(many).toBe(false);
  });
});

describe("what a token is made of", () => {
  it.each(Object.keys(ROLES))("can be any role: %s", (role) => {
    expect(() => checkGrant({ ...grant, roles: [role as keyof typeof ROLES] })).not.toThrow();
  });

  it("is refused with roles that are none, also those that every object has", () => {
    for (const role of ["constructor", "__proto__", "toString", "root", ""])
      expect(() => checkGrant({ ...grant, roles: [role as "viewer"] })).toThrow(INVALID);
  });

  it("is refused with a scope for an admin, who could make a token without it", () => {
    const issues = [expect.objectContaining({ path: "types" }), expect.objectContaining({ path: "names" })];
    expect(() => checkGrant({ ...grant, roles: ["viewer", "admin"], types: ["a"], names: ["x"] })).toThrow(
      expect.objectContaining({ details: { issues } }),
    );
  });

  it("is refused with a scope that is empty, which nothing would fit and everything could be meant by", () => {
    for (const scope of [{ types: [] }, { names: [] }, { types: [""] }, { names: [""] }])
      expect(() => checkGrant({ ...grant, ...scope })).toThrow(INVALID);
  });

  it("is in force until it is revoked or its time has come", () => {
    const at = Date.parse("2027-01-01T00:00:00.000Z");
    const until = (expires: string | null, revoked: string | null = null) => isInForce({ expires, revoked }, at);
    expect([until(null), until("2027-01-01T00:00:00.001Z"), until("2027-01-01T00:00:00.000Z")]).toEqual([true, true, false]);
    expect([until(null, "2026-01-01T00:00:00.000Z"), until("2028-01-01T00:00:00.000Z", "2027-06-01T00:00:00.000Z")]).toEqual([
      false,
      false,
    ]);
  });
});
