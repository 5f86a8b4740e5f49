/**
 * What is measured from outside, by processes: `cold.load`, `tsc.block`. They use the package as it is published: built, with its types.
 * @module
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { alternate, type Figure, timed } from "./measure.ts";
import { saveService, withSqlite } from "./sample.ts";

const root = join(import.meta.dirname, "..");
const TSC = join(root, "node_modules/.bin/tsc");

/** Runs Node to its end. */
function node(args: readonly string[], env: NodeJS.ProcessEnv = {}): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", env: { ...process.env, ...env } });
  if (status !== 0) throw new Error(`node ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
}

/** Builds the package into a folder; `zod` and the others are found above it. @returns what programs in the folder import. */
function buildInto(folder: string): string {
  node(["scripts/build.ts", join(folder, "ashlar")]);
  return "./ashlar/src/index.js";
}

export const coldLoad: Figure = {
  name: "cold.load",
  about: "a process from its start to its end, with one typed load; floor: one that imports zod, libsodium and node:sqlite",
  unit: "ms",
  goal: { ratio: 1.3 },
  measure: (scaled) =>
    withSqlite(async (store, folder, key) => {
      await saveService(store);
      const [cold, bare] = [join(folder, "cold.js"), join(folder, "bare.js")];
      writeFileSync(cold, coldProgram(buildInto(folder)));
      writeFileSync(bare, 'import "zod";\nimport "node:sqlite";\nimport sodium from "libsodium-wrappers";\nawait sodium.ready;\n');
      const env = { ASHLAR_STORE: store.url, ASHLAR_KEYS: key };
      return alternate({ ours: () => node([cold], env), floor: () => node([bare], env) }, scaled(40), 1);
    }),
};

function coldProgram(ashlar: string): string {
  return `import { Block, secret } from "${ashlar}";
import { z } from "zod";

class Account extends Block.define({
  name: "Bench Account",
  fields: { user: z.string(), token: secret(), retries: z.int().default(3) },
}) {}
class Service extends Block.define({
  name: "Bench Service",
  fields: { host: z.string(), port: z.int().default(443), region: z.string().optional(), password: secret(), account: Account },
}) {}

const service = await Service.load("main");
if (!service.account.token.reveal().startsWith("bench-token")) process.exit(1);
`;
}

const FIELDS = `{ host: z.string().describe("Where."), port: z.int().default(443), region: z.enum(["eu", "us"]).optional(),
  tags: z.array(z.string()).default([]), token: secret(), headers: z.record(z.string(), z.string()).optional() }`;

/** A program that declares so many classes or zod objects, makes one of each and reads its fields. */
function declarations(ashlar: string, count: number, kind: "class" | "object"): string {
  const input = (index: number) => `{ host: "h", token: "t", only${index}: 1 }`;
  const fields = (index: number) => FIELDS.replace("{", `{ only${index}: z.int(),`);
  const use = (index: number) =>
    `[value${index}.host.length, value${index}.port + value${index}.only${index}, value${index}.token.reveal()]`;
  const lines = Array.from({ length: count }, (_, index) =>
    kind === "class"
      ? `export class Made${index} extends Block.define({ name: "Made ${index}", fields: ${fields(index)} }) {}
const value${index} = new Made${index}(${input(index)});\nexport const read${index} = ${use(index)};`
      : `export const Made${index} = z.object(${fields(index)});
const value${index} = Made${index}.parse(${input(index)} satisfies z.input<typeof Made${index}>);\nexport const read${index} = ${use(index)};`,
  );
  // One of each everywhere, so that what the two libraries themselves cost is no difference.
  const both =
    'export class First extends Block.define({ name: "First", fields: { a: z.string(), b: secret() } }) {}\nexport const first = z.object({ a: z.string() });';
  return [`import { Block, secret } from "${ashlar}";\nimport { z } from "zod";`, both, ...lines].join("\n");
}

export const tscBlock: Figure = {
  name: "tsc.block",
  about: "type check of one more class of seven fields; floor: of one more z.object of the same fields",
  unit: "ms",
  goal: { more: 3 },
  measure: (scaled) =>
    withSqlite(async (_store, folder) => {
      const ashlar = buildInto(folder);
      const count = scaled(200);
      const check = (name: string, text: string) => {
        const options = { extends: join(root, "tsconfig.json"), compilerOptions: { rootDir: folder }, files: [`${name}.ts`], include: [] };
        writeFileSync(join(folder, `${name}.ts`), text);
        writeFileSync(join(folder, `${name}.json`), JSON.stringify(options));
        return () => node([TSC, "-p", join(folder, `${name}.json`)]);
      };
      const none = check("none", declarations(ashlar, 0, "object"));
      const classes = check("classes", declarations(ashlar, count, "class"));
      const objects = check("objects", declarations(ashlar, count, "object"));
      const [ours, floor]: [number[], number[]] = [[], []];
      for (let run = 0; run < scaled(10); run++) {
        const start = await timed(none, 1);
        ours.push(((await timed(classes, 1)) - start) / count);
        floor.push(((await timed(objects, 1)) - start) / count);
      }
      return { ours, floor };
    }),
};
