/** The block that holds one secret value. */
import { openStore, Secret } from "ashlar";
import { SecretBlock } from "ashlar/blocks/secret";
import { expect, it } from "vitest";

it.each([["text"], ["123"], ['{"a":1}'], [{ username: "johndoe", roles: ["a", null] }], [42], [true], [null], [[1, "2"]]])(
  "gives back %j as it was stored",
  async (value) => {
    const store = await openStore("memory:");
    await new SecretBlock({ value }).save("sample", { store });
    const loaded = await SecretBlock.load("sample", { store });
    expect(loaded.get()).toStrictEqual(value);
    expect(loaded.value).toBeInstanceOf(Secret);
  },
);

it("takes a Secret, and refuses a mask and what JSON cannot hold", () => {
  expect(new SecretBlock({ value: new Secret("s") }).get()).toBe("s");
  expect(() => new SecretBlock({ value: "********" })).toThrow(/value: /);
  expect(() => new SecretBlock({ value: (() => 1) as never })).toThrow(/value: /);
  expect(() => new SecretBlock({} as never)).toThrow(/value: /);
});

it("has the slug of Prefect's Secret", () => {
  expect(SecretBlock.slug).toBe("secret");
});
