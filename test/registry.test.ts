/** Which class stands for a slug. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { Block, openStore, useStore } from "../src/index.ts";
import { classOf } from "../src/registry.ts";

const warnings = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
afterEach(() => {
  warnings.mockClear();
  useStore(undefined);
});

const define = (slug: string) => class Part extends Block.define({ name: slug, slug, fields: { text: z.string() } }) {};

describe("the class for a slug", () => {
  it("is known from its first use on, and else ERR_UNKNOWN_TYPE says how to name it", async () => {
    const Part = define("registry-part");
    useStore(await openStore("memory:"));
    expect(() => classOf("registry-part")).toThrow(
      expect.objectContaining({
        code: "ERR_UNKNOWN_TYPE",
        message: expect.stringContaining('Block.load("registry-part/name", { classes: [X] })'),
      }),
    );
    expect(classOf("registry-part", [Part, null, class {}, "text"])).toBe(Part);
    new Part({ text: "t" });
    expect(classOf("registry-part")).toBe(Part);
  });

  it("is the later of two that have it, with a warning that names both", () => {
    const [First, Second] = [define("registry-twice"), define("registry-twice")];
    expect([First.slug, Second.slug, First.slug]).toEqual(["registry-twice", "registry-twice", "registry-twice"]);
    expect(classOf("registry-twice")).toBe(Second);
    expect(warnings).toHaveBeenCalledTimes(1);
    expect(warnings.mock.calls[0]?.[0]).toContain('Two block classes have the slug "registry-twice"');
  });

  it("is the one that extends the other, without a warning, in either order of use", () => {
    for (const slug of ["registry-down", "registry-up"]) {
      const Base = define(slug);
      class Further extends Base {}
      const order = slug === "registry-down" ? [Base, Further] : [Further, Base];
      for (const cls of order) new cls({ text: "t" });
      expect(classOf(slug)).toBe(Further);
    }
    expect(warnings).not.toHaveBeenCalled();
  });
});
