/** A bundler that renames classes: the checksum stays where the title is pinned, and changes where it is not. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { build } from "esbuild";
import { expect, it } from "vitest";
import { temporaryFolder } from "./temporary.ts";

const SOURCE = `
import { Block, openStore, secret } from "ashlar";
import { z } from "zod";

const fields = { host: z.string().default("localhost"), size: z.number().default(1), token: secret().optional() };
class PinnedChild extends Block.define({ name: "Bundled Child", title: "PinnedChild", fields }) {}
class Pinned extends Block.define({ name: "Bundled", title: "Pinned", fields: { ...fields, child: PinnedChild } }) {
  get address() { return this.host + this.child.host; }
}
class NotPinned extends Block.define({ name: "Not Pinned", fields }) {}

const shown = (cls) => ({ name: cls.name, checksum: cls.checksum, title: cls.schema().title });
const address = new Pinned({ child: { host: "h" } }).address;
const store = await openStore("memory:");
await new Pinned({ child: { host: "h" } }).save("p", { store });
const loaded = (await Pinned.load("p", { store })).address;
console.log(JSON.stringify({ pinned: shown(Pinned), notPinned: shown(NotPinned), address, loaded }));
`;

interface Shown {
  readonly name: string;
  readonly checksum: string;
  readonly title: string;
}

/** Bundles, and runs the bundle in a process of its own. */
async function bundled(folder: string, minify: boolean): Promise<{ pinned: Shown; notPinned: Shown; address: string; loaded: string }> {
  const outfile = join(folder, minify ? "min.mjs" : "plain.mjs");
  await build({
    stdin: { contents: SOURCE, resolveDir: process.cwd(), loader: "js" },
    alias: { ashlar: "./src/index.ts" },
    external: ["libsodium-wrappers"],
    bundle: true,
    minify,
    format: "esm",
    platform: "node",
    outfile,
    logLevel: "silent",
  });
  return JSON.parse(execFileSync(process.execPath, [outfile], { encoding: "utf8" }));
}

it("a minified class keeps its checksum where its title is pinned, and not where it is not", async () => {
  const folder = temporaryFolder();
  const [plain, minified] = [await bundled(folder, false), await bundled(folder, true)];

  expect(plain.pinned.name).toBe("Pinned");
  expect(minified.pinned.name).not.toBe("Pinned");
  expect(minified.pinned).toMatchObject({ checksum: plain.pinned.checksum, title: "Pinned" });
  expect([minified.address, minified.loaded]).toEqual(["localhosth", "localhosth"]);

  expect(plain.notPinned.title).toBe("NotPinned");
  expect(minified.notPinned.title).not.toBe("NotPinned");
  expect(minified.notPinned.checksum).not.toBe(plain.notPinned.checksum);
});
