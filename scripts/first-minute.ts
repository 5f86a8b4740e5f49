/**
 * The first minute of README.md, done from the packed tarball in an empty folder as a reader does it: its commands, its files, and then the same
 * with a document's or a field's name misspelt. Part of `npm run check:package`.
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const PASSWORD = "a planted password";
/** What a reader answers to the questions of `ashlar create`; there is no terminal here. */
const ANSWERS = JSON.stringify({ host: "db.local", password: { env: "WAREHOUSE_PASSWORD" } });

/** A file as README.md shows it. */
function fence(file: string): string {
  const text = new RegExp(`\`\`\`\\w+\\n(?://|#) ${file}[^\\n]*\\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
  assert(text, `README.md shows no ${file}`);
  return text;
}

/** The commands under "Use it", each without its comment. */
function commands(): string[] {
  const block = /^\*\*Use it\*\*[\s\S]*?```sh\n([\s\S]*?)```/m.exec(readme)?.[1] ?? "";
  const found = block.split("\n").flatMap((line) => line.replace(/\s+#.*/, "").trim() || []);
  assert.equal(found[0], "npm install ashlar zod");
  assert.equal(found.at(-1), "node flow.ts");
  return found;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The checks, in the order in which they are to be run. */
export function firstMinute(workspace: string, tarball: () => string, zod: string): Record<string, () => void> {
  const folder = join(workspace, "reader");
  const store = `sqlite:${join(workspace, "data/ashlar/ashlar.db")}`;
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("ASHLAR_")));
  const env = {
    ...own,
    PATH: [dirname(process.execPath), process.env.PATH].join(delimiter),
    XDG_DATA_HOME: join(workspace, "data"),
    XDG_CONFIG_HOME: join(workspace, "config"),
    WAREHOUSE_PASSWORD: PASSWORD,
    NO_COLOR: "1",
    npm_config_loglevel: "error", // npm's own advice is none of ours
  };

  const write = (file: string, text: string) => writeFileSync(join(folder, file), text);
  const type = (line: string, input = ""): Ended => {
    const { status: code, stdout, stderr } = spawnSync("sh", ["-c", line], { cwd: folder, env, encoding: "utf8", input, timeout: 180_000 });
    assert(!`${stdout}${stderr}`.includes(PASSWORD), `${line} shows the password`);
    return { code, stdout, stderr };
  };
  const check = (file: string) => {
    const options = { target: "es2024", module: "nodenext", strict: true, noEmit: true, allowImportingTsExtensions: true };
    write("tsconfig.json", JSON.stringify({ compilerOptions: options, files: [file] }));
    return type(`'${join(root, "node_modules/.bin/tsc")}' -p .`);
  };

  return {
    "the first minute of README.md ends with a typed block": () => {
      mkdirSync(folder);
      for (const file of ["blocks.ts", "flow.ts", "production.yaml"]) write(file, fence(file));
      const [, ...rest] = commands();
      const quiet = "--prefer-offline --ignore-scripts --no-audit --no-fund";
      const ended = [`npm install '${tarball()}' zod@${zod} ${quiet}`, ...rest].map((line) => ({ line, ...type(line, ANSWERS) }));
      for (const { line, code, stderr } of ended) assert.deepEqual({ line, code, stderr }, { line, code: 0, stderr: "" });
      assert.equal(ended.at(-1)?.stdout, `${/\/\/ => (.*)/.exec(fence("flow.ts"))?.[1]}\n`);
    },
    "what its flow loads is typed": () => {
      assert.deepEqual(check("flow.ts"), { code: 0, stdout: "", stderr: "" });
      write("wrong-field.ts", fence("flow.ts").replace("console.log(warehouse)", "console.log(warehouse.passwrd)"));
      assert.deepEqual(check("wrong-field.ts"), {
        code: 1,
        stdout: "wrong-field.ts(4,23): error TS2551: Property 'passwrd' does not exist on type 'Warehouse'. Did you mean 'password'?\n",
        stderr: "",
      });
    },
    "a misspelt name of a document is told in one sentence": () => {
      const sentence = `There is no document warehouse/prodution in ${store}. Did you mean "production"?`;
      write("wrong-name.ts", fence("flow.ts").replace('"production"', '"prodution"'));
      const { code, stderr } = type("node wrong-name.ts");
      assert.deepEqual([code, /^AshlarError: .*$/m.exec(stderr)?.[0]], [1, `AshlarError: ${sentence}`]);
      assert.deepEqual(type("npx ashlar inspect warehouse/prodution"), { code: 66, stdout: "", stderr: `error: ${sentence}\n` });
    },
    "a misspelt name of a field is told in one sentence": () => {
      write("wrong.yaml", fence("production.yaml").replace("password:", "passwrd:"));
      assert.deepEqual(type("npx ashlar apply wrong.yaml"), {
        code: 65,
        stdout: "",
        stderr: [
          "error: Nothing was changed, since 2 things do not fit:",
          "  wrong.yaml:4: warehouse/production: password: is missing (string)",
          "  wrong.yaml:5: warehouse/production: passwrd: is no field; did you mean password?",
          "",
        ].join("\n"),
      });
    },
  };
}
