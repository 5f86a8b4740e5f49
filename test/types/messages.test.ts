/** What the compiler says about mistakes: a sentence that a user can act on, at the place of the mistake. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";

const HEAD = `import { Block, block, Secret, secret } from "ashlar";
import { z } from "zod";
class Credentials extends Block.define({ name: "C", fields: { accountName: z.string(), token: secret() } }) {}
class Service extends Block.define({ name: "S", fields: { host: z.string(), port: z.int().default(1), credentials: Credentials } }) {}
declare const service: Service;
`;

interface Mistake {
  /** One line of code; the message must point to what stands between the guillemets. */
  readonly code: string;
  /** What must stand in the message, all of it; nothing for code that is right. */
  readonly says: readonly string[];
}

const MISTAKES: readonly Mistake[] = [
  { code: 'new Service({ host: "h", credentials: { accountName: "a", token: "t" } });', says: [] },
  { code: "service.«hots»;", says: ["Property 'hots' does not exist on type 'Service'"] },
  { code: 'new Credentials({ «accountName»: 5, token: "t" });', says: ["Type 'number' is not assignable to type 'string'"] },
  { code: 'new Credentials(«{ accountName: "a" }»);', says: ["Property 'token' is missing"] },
  {
    code: 'new Credentials({ accountName: "a", token: "t", «tokn»: "t" });',
    says: ["'tokn' does not exist", "Did you mean to write 'token'?"],
  },
  {
    code: 'new Service({ host: "h", credentials: { accountName: "a", «token»: 5 } });',
    says: ["Type 'number' is not assignable to type 'string | Secret<string>"],
  },
  { code: 'new Service({ host: "h", «credentials»: { accountName: "a" } });', says: ["Property 'token' is missing"] },
  { code: 'new Service({ host: "h", «credentials»: service });', says: ["Type 'Service' is not assignable", "accountName, token"] },
  { code: "const «header»: string = service.credentials.token;", says: ["Type 'Secret<string>' is not assignable to type 'string'"] },
  { code: 'service.credentials.token.«startsWith»("a");', says: ["'startsWith' does not exist on type 'Secret<string>'"] },
  { code: "service.with({ «prot»: 1 });", says: ["'prot' does not exist", "host: string; port?: number"] },
  { code: 'service.«host» = "h";', says: ["Cannot assign to 'host' because it is a read-only property"] },
  {
    code: 'Block.define({ name: "R", fields: { a: z.string(), «save»: z.string() } });',
    says: [String.raw`"\"save\" is reserved: every block has it already. Rename this field and pin its key with .meta({ key })"`],
  },
  { code: "Service.extend({ fields: { «with»: z.string() } });", says: [String.raw`\"with\" is reserved: every block has it already`] },
  {
    code: 'Block.define({ name: "R", fields: { «a»: "string" } });',
    says: ["Type 'string' is not assignable to type 'AnyBlockClass | ZodType"],
  },
  { code: "Block.define(«{ fields: { a: z.string() } }»);", says: ["Property 'name' is missing"] },
  { code: 'Block.define({ name: "R", fields: {}, «descripton»: "x" });', says: ["Did you mean to write 'description'?"] },
  { code: 'Credentials.«laod»("a");', says: ["Property 'laod' does not exist on type 'typeof Credentials'"] },
];

/** What the compiler says of each line, in one run. */
function compile(lines: readonly string[], here: string): string[][] {
  const files = lines.map((_line, index) => `mistake-${index}.ts`);
  for (const [index, line] of lines.entries()) writeFileSync(join(here, files[index] as string), `${HEAD}${line}\n`);
  const root = "../../../..";
  const compilerOptions = { paths: { ashlar: [`${root}/src/index.ts`] }, noUnusedLocals: false, moduleDetection: "force" };
  writeFileSync(join(here, "tsconfig.json"), JSON.stringify({ extends: `${root}/tsconfig.json`, compilerOptions, include: [], files }));
  const { stdout } = spawnSync(join("node_modules", ".bin", "tsc"), ["-p", here, "--pretty", "false"], { encoding: "utf8" });
  const messages = stdout.split(/\n(?=\S)/);
  return files.map((file) => messages.filter((message) => message.includes(`${file}(`)));
}

let said: string[][] = [];
beforeAll(() => {
  const folder = join("node_modules", ".cache", "ashlar-types"); // inside the project, so that its packages are found
  mkdirSync(folder, { recursive: true });
  const here = mkdtempSync(join(folder, "run-"));
  said = compile(
    MISTAKES.map(({ code }) => code.replace(/[«»]/g, "")),
    here,
  );
  return () => rmSync(here, { recursive: true, force: true });
});

it.each(MISTAKES.map((mistake, index) => [mistake.code, mistake, index] as const))("%s", (_code, { code, says }, index) => {
  const messages = said[index] as string[];
  expect(messages).toHaveLength(says.length === 0 ? 0 : 1);
  for (const part of says) expect(messages[0]).toContain(part);
  if (says.length > 0) expect(messages[0]).toContain(`(${HEAD.split("\n").length},${code.indexOf("«") + 1}): error`);
});
