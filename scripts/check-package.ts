#!/usr/bin/env node
/**
 * Checks what would be published: builds and packs it, lints package and types, and uses the tarball in an empty folder as its readers will.
 * `npm run check:package`; ends with `N passed, N failed`.
 * @module
 */
import { execFileSync } from "node:child_process";
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { firstMinute } from "./first-minute.ts";

const root = join(import.meta.dirname, "..");
const bin = (name: string) => join(root, "node_modules/.bin", name);
const workspace = mkdtempSync(join(tmpdir(), "ashlar-package-"));
const consumer = join(workspace, "consumer");
const { version, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  version: string;
  devDependencies: Record<string, string>;
};

/** Commands find this Node first, whatever npm itself runs on. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}` };

/** Runs a command; its output is the error's message when it fails. */
function run(command: string, args: readonly string[], cwd = root): string {
  try {
    return execFileSync(command, args, { cwd, env, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 180_000 });
  } catch (error) {
    const { stdout = "", stderr = "", message } = error as Error & { stdout?: string; stderr?: string };
    throw new Error(`${stdout}${stderr}`.trim() || message);
  }
}

function expect(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}
let packed: Packed | undefined;

function tarball(): Packed {
  if (!packed) throw new Error("it is not packed yet");
  return packed;
}

/** Entries as a reader imports them, from the export map and the files that its wildcards match. */
function entries(): { entry: string; file: string }[] {
  const { exports } = JSON.parse(readFileSync(join(root, "dist/package.json"), "utf8")) as {
    exports: Record<string, string | { types: string; default: string } | null>;
  };
  return Object.entries(exports).flatMap(([entry, target]) => {
    if (target === null) return [];
    if (typeof target === "string") return [{ entry, file: target }];
    if (!entry.includes("*")) return [target.types, target.default].map((file) => ({ entry, file }));
    const found = [target.types, target.default].flatMap((pattern) => {
      const [before = "", after = ""] = pattern.split("*");
      return globSync(pattern.slice(2), { cwd: join(root, "dist") })
        .map((path) => `./${path}`)
        .filter((path) => after !== ".js" || !path.endsWith(".d.ts"))
        .map((file) => ({ entry: entry.replace("*", file.slice(before.length, -after.length)), file }));
    });
    expect(found.length > 0, `${entry} matches no file`);
    return found;
  });
}

/** Whether the export map closes an entry that a wildcard would open. */
function isClosed({ entry }: { entry: string }): boolean {
  return (
    (JSON.parse(readFileSync(join(root, "dist/package.json"), "utf8")) as { exports: Record<string, unknown> }).exports[entry] === null
  );
}

/** What a reader of the README writes first, in the strictest project; the output tells what came back. */
const PROGRAM = `
import { Block, isAshlarError, openStore, type Secret, secret, withStore } from "ashlar";
import { generateKey, keyText } from "ashlar/vaults/keyring";
import { z } from "zod";

class Account extends Block.define({
  name: "Package Account",
  fields: { user: z.string(), token: secret(), port: z.int().default(443) },
}) {
  header(): string {
    return \`Bearer \${this.token.reveal()}\`;
  }
}
class Service extends Block.define({ name: "Package Service", fields: { host: z.string(), account: Account } }) {}

for (const url of ["memory:", "sqlite:store.db"]) {
  const store = await openStore(url, { create: true, keys: [keyText(generateKey())] });
  await withStore(store, async () => {
    const account = await new Account({ user: "me", token: "package-token" }).save("main");
    await new Service({ host: "h", account }).save("service");
    const loaded: Service = await Service.load("service");
    const token: Secret = loaded.account.token;
    const missing = await Service.load("none").catch((error: unknown) => isAshlarError(error, "ERR_NOT_FOUND"));
    console.log(url.split(":")[0], loaded.account.header(), loaded.account.port + 0, String(token), missing);
  });
  await store.close();
}
`;

const TSCONFIG = {
  compilerOptions: {
    target: "es2024",
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax: true,
    skipLibCheck: false,
    noEmit: true,
    types: ["node"],
  },
  files: ["program.ts"],
};

function install(): void {
  mkdirSync(consumer, { recursive: true });
  const dependencies = {
    ashlar: `file:${join(workspace, tarball().filename)}`,
    zod: devDependencies.zod,
    "@types/node": devDependencies["@types/node"],
  };
  writeFileSync(join(consumer, "package.json"), JSON.stringify({ private: true, type: "module", dependencies }));
  run("npm", ["install", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], consumer);
}

/** Without these the ones after them say nothing. */
const NEEDED = new Set(["it builds", "it packs what is meant to be in it, and nothing else", "it installs in an empty folder"]);

const checks: Record<string, () => void> = {
  "knip finds nothing unused": () => void run(bin("knip"), ["--no-progress"]),
  "it builds": () => void run(process.execPath, ["scripts/build.ts"]),
  "it packs what is meant to be in it, and nothing else": () => {
    packed = (JSON.parse(run("npm", ["pack", "./dist", "--json", "--pack-destination", workspace])) as Packed[])[0];
    const { files, size } = tarball();
    const strange = files.filter(
      ({ path }) => !/^(src|blocks)\/.*\.(js|d\.ts)$|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path),
    );
    expect(strange.length === 0, `it holds ${strange.map(({ path }) => path).join(", ")}`);
    for (const name of ["README.md", "LICENSE", "CHANGELOG.md", "src/index.d.ts"])
      expect(
        files.some(({ path }) => path === name),
        `${name} is not in it`,
      );
    expect(size < 450_000, `it weighs ${size} bytes; the budget is 450000`);
  },
  "its package.json carries nothing of the repository": () => {
    const manifest = JSON.parse(readFileSync(join(root, "dist/package.json"), "utf8")) as Record<string, unknown>;
    for (const key of ["scripts", "devDependencies", "overrides", "allowScripts", "private"])
      expect(!(key in manifest), `package.json has "${key}"`);
  },
  "every entry is a file": () => {
    const packedFiles = new Set(tarball().files.map(({ path }) => `./${path}`));
    for (const { entry, file } of entries()) expect(packedFiles.has(file), `${entry} points to ${file}, which is not packed`);
  },
  "every file in a folder of entries is an entry": () => {
    const reached = new Set(entries().map(({ file }) => file));
    const folders = /^(blocks|src\/(backends|vaults|stores))\//;
    for (const { path } of tarball().files) if (folders.test(path)) expect(reached.has(`./${path}`), `${path} cannot be imported`);
  },
  "publint finds nothing": () => void run(bin("publint"), ["run", join(workspace, tarball().filename), "--strict"]),
  "attw finds nothing": () =>
    void run(bin("attw"), [join(workspace, tarball().filename), "--profile", "esm-only", "--no-color", "--no-emoji", "-f", "ascii"]),
  "it installs in an empty folder": install,
  "a strict project type-checks against it, libraries too": () => {
    writeFileSync(join(consumer, "program.ts"), PROGRAM);
    writeFileSync(join(consumer, "tsconfig.json"), JSON.stringify(TSCONFIG));
    run(bin("tsc"), ["-p", consumer], consumer);
  },
  "a program saves and loads with it": () => {
    const output = run(process.execPath, ["program.ts"], consumer);
    const expected = ["memory", "sqlite"].map((store) => `${store} Bearer package-token 443 ******** true\n`).join("");
    expect(output === expected, `it printed ${output}`);
  },
  "the command line runs": () => {
    const printed = run("npx", ["--no-install", "ashlar", "--version"], consumer).trim();
    expect(printed === version, `ashlar --version printed ${printed}, package.json says ${version}`);
  },
  "every entry can be imported": () => {
    // The Azure libraries are optional peers; here they are the repository's own.
    symlinkSync(join(root, "node_modules/@azure"), join(consumer, "node_modules/@azure"));
    symlinkSync(join(root, "node_modules/zod-to-json-schema"), join(consumer, "node_modules/zod-to-json-schema"));
    const open = entries().filter((each) => !isClosed(each));
    const names = [...new Set(open.map(({ entry }) => entry.replace(/^\./, "ashlar")))].filter((name) => !name.endsWith(".json"));
    run(
      process.execPath,
      ["--input-type=module", "-e", names.map((name) => `await import(${JSON.stringify(name)});`).join("\n")],
      consumer,
    );
    writeFileSync(
      join(consumer, "entries.ts"),
      names.map((name, index) => `export * as e${index} from ${JSON.stringify(name)};`).join("\n"),
    );
    writeFileSync(
      join(consumer, "tsconfig.entries.json"),
      JSON.stringify({ ...TSCONFIG, compilerOptions: { ...TSCONFIG.compilerOptions, skipLibCheck: true }, files: ["entries.ts"] }),
    );
    run(bin("tsc"), ["-p", "tsconfig.entries.json"], consumer);
  },
  ...firstMinute(workspace, () => join(workspace, tarball().filename), devDependencies.zod ?? ""),
};

let passed = 0;
try {
  for (const [name, check] of Object.entries(checks)) {
    try {
      check();
      passed++;
      console.log(`ok      ${name}`);
    } catch (error) {
      console.log(`FAILED  ${name}\n${(error as Error).message.replaceAll(/^/gm, "        ")}`);
      if (NEEDED.has(name)) break;
    }
  }
} finally {
  rmSync(workspace, { recursive: true, force: true });
}
const failed = Object.keys(checks).length - passed;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
