/** Blocks in a program that has not installed the Azure SDK. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ashlar-bare-"));

/** The sources in a folder whose node_modules has zod and, when asked, @azure/storage-blob. */
beforeAll(() => {
  for (const part of ["src", "blocks", "package.json"]) cpSync(join(root, part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, "node_modules/@azure"), { recursive: true });
  symlinkSync(join(root, "node_modules/zod"), join(folder, "node_modules/zod"));
  writeFileSync(
    join(folder, "program.ts"),
    `import { AzureContainer } from "ashlar/blocks/azure-container";
const credentials = { bucketPath: "b", azureStorageAccountName: "mtademo", azureStorageAnon: false };
const container = new AzureContainer({ container: "mta-demo", credentials });
console.log(container.url());
await container.blobClient("x").catch((error) => console.log(error.code, error.message));
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = () => execFileSync(process.execPath, ["program.ts"], { cwd: folder, encoding: "utf8" }).trim().split("\n");

it("need nothing for URLs, and name what a client needs", () => {
  const [url, refusal] = run();
  expect(url).toBe("abfss://mta-demo@mtademo.dfs.core.windows.net");
  expect(refusal).toMatch(/^ERR_MISSING_PACKAGE .*npm install @azure\/storage-blob$/);
});

it("ask for @azure/identity only where it is needed", () => {
  symlinkSync(join(root, "node_modules/@azure/storage-blob"), join(folder, "node_modules/@azure/storage-blob"));
  expect(run()[1]).toMatch(/^ERR_MISSING_PACKAGE .*npm install @azure\/identity$/);
});
