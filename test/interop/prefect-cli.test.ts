/**
 * Our command line against a real Prefect server, and against ours spoken to as Prefect's: everything that it does with a store of our own.
 */
import { expect, onTestFinished, test } from "vitest";
import { Workplace } from "../cli/workplace.ts";
import { startAshlarServer } from "./ashlar-server.ts";
import { type PrefectServer, startPrefectServer } from "./prefect-server.ts";

const CANARY = "canary-c11e";

/** A folder with a module and a file of documents. */
function workplace(): Workplace {
  const place = new Workplace();
  place.write(
    "blocks.ts",
    `import { Block, block, secret } from "ashlar";
import { z } from "zod";
export class Account extends Block.define({ name: "Account", fields: { user: z.string(), token: secret(), headers: secret(z.record(z.string(), z.string())).optional() } }) {}
export class Service extends Block.define({ name: "Service", fields: { host: z.string(), port: z.int().default(80), account: Account, tags: z.array(z.string()).default([]) } }) {}
`,
  );
  place.write(
    "documents.yaml",
    `- { type: account, name: main, data: { user: etl, token: { env: TOKEN } } }
- { type: service, name: web, data: { host: h, account: { ref: account/main }, tags: [a, b] } }
`,
  );
  return place;
}

/** Prefect's settings of an environment. */
function settingsOf({ environment }: PrefectServer): Record<string, string> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => /^PREFECT_API_/.test(name)));
}

test.each([
  ["a Prefect server", () => startPrefectServer({ blocks: false })],
  ["ashlar serve", () => startAshlarServer("PREFECT_API_KEY", "--no-system-types")],
])("%s: register, apply, look, change, export, copy, delete", async (_server, start) => {
  const server = await start();
  onTestFinished(server.stop);
  const place = workplace();
  /** Runs a command; its exit code and all that it says. */
  const ashlar = async (command: string, more: Record<string, string> = {}): Promise<string> => {
    const environment = { ...settingsOf(server), ASHLAR_STORE: "prefect:", TOKEN: CANARY, ...more };
    const { code, stdout, stderr } = await place.run(command, environment);
    return `${code}\n${stdout}${stderr}`;
  };
  expect(await ashlar("register blocks.ts")).toMatch(/^0\n.*account.*created.*service.*created/is);
  expect(await ashlar("register blocks.ts")).toMatch(/^0\n.*account.*unchanged.*service.*unchanged/is);
  expect(await ashlar("apply documents.yaml")).toMatch(/^0\n/);
  expect(await ashlar("apply documents.yaml --dry-run")).toMatch(/^0\n/);
  expect(await ashlar("ls")).toMatch(/account +main .*service +web /s);
  const inspected = await ashlar("inspect service/web");
  expect(inspected).toMatch(/account.*account\/main/);
  expect(inspected).not.toMatch(/by $/m);
  expect(await ashlar("get account/main token")).toBe("0\n********\n");
  place.printed = "";
  expect(await ashlar("get account/main token --reveal")).toBe(`0\n${CANARY}\n`);
  place.printed = "";
  expect(await ashlar("set service/web port=99")).toMatch(/^0\n.*port/s);
  expect(await ashlar("get service/web port")).toBe("0\n99\n");
  expect(await ashlar("get account/main user")).toBe("0\netl\n"); // a change of one document leaves the other as it was
  expect(await ashlar("set account/main --secret-env headers=HEADERS", { HEADERS: '{"authorization":"x"}' })).toMatch(/^0\n/);
  expect(await ashlar("export")).toMatch(/^0\n.*name: main.*env: .*TOKEN.*ref: account\/main/s);
  expect(await ashlar("type ls")).toMatch(/account.*service/s);
  expect(await ashlar("type inspect service")).toMatch(/port/);
  expect(await ashlar("set service/web port=1 --if-revision 3")).toMatch(/^(65|69|73)\n/);
  expect(await ashlar("init --store sqlite:own.db")).toMatch(/^0\n/);
  expect(await ashlar("copy service/web --to sqlite:own.db")).toMatch(/^0\n.*account.*service/s);
  expect(await ashlar("get account/main token --store sqlite:own.db")).toBe("0\n********\n");
  expect(await ashlar("delete account/main")).toMatch(/^73\n.*service\/web/s);
  expect(await ashlar("get account/man")).toMatch(/^66\n.*ashlar ls account/s);
  expect(await ashlar("delete account/main --cascade --yes")).toMatch(/^0\n/);
  expect(await ashlar("ls")).not.toMatch(/account|service/);
  expect(await ashlar("type delete service")).toMatch(/^0\n/);
  expect(place.printed).not.toContain(CANARY);
});
