/** The code examples of the shipped blocks compile and run as they stand, in a folder that has Ashlar installed. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AnyBlock, type Block, openStore } from "ashlar";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AnyBlockClass, DEFINITION } from "../../src/definition.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { type Azurite, startAzurite } from "../azurite.ts";
import { samples } from "./samples.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ashlar-examples-"));
const store = `sqlite:${join(folder, "store.db")}`;
const key = keyText(generateKey());
const definitionOf = (block: AnyBlock) => (block.constructor as AnyBlockClass)[DEFINITION];
let azurite: Azurite;

beforeAll(async () => {
  mkdirSync(join(folder, "node_modules"));
  for (const name of ["@azure", "@types", "zod"]) symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  symlinkSync(root, join(folder, "node_modules/ashlar"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: join(root, "tsconfig.json"), include: ["*.ts"] }));

  azurite = await startAzurite();
  const credentials = { bucketPath: "b", azureStorageConnectionString: azurite.connectionString };
  const container = new AzureContainer({ container: "mta-demo", credentials });
  await (await container.containerClient()).create();

  const opened = await openStore(store, { create: true, keys: [key] });
  for (const [file, sample] of Object.entries(samples)) {
    const code = /```typescript\n([\s\S]*?)```/.exec(definitionOf(sample).codeExample ?? "")?.[1] ?? "throw new Error('no example')";
    writeFileSync(join(folder, `${file}.ts`), `${code.replaceAll("BLOCK_NAME", "block-name")}\nexport {};\n`);
    const filled = file === "azure-container" ? container : (sample as Block).with({});
    await filled.save("block-name", { store: opened });
  }
  await opened.close();
});
afterAll(async () => {
  await azurite?.stop();
  rmSync(folder, { recursive: true });
});

it("compile", () => {
  // An unused variable is what an example is for.
  const args = ["-p", folder, "--noUnusedLocals", "false"];
  const compile = () => execFileSync(join(root, "node_modules/.bin/tsc"), args, { encoding: "utf8" });
  expect(compile()).toBe("");
});

it.each(Object.keys(samples))("%s runs", (file) => {
  const env = { ...process.env, ASHLAR_STORE: store, ASHLAR_KEYS: key };
  expect(execFileSync(process.execPath, [`${file}.ts`], { cwd: folder, env, encoding: "utf8" })).toBe("");
});

it("do what they say: the container's one has uploaded", async () => {
  const credentials = { bucketPath: "b", azureStorageConnectionString: azurite.connectionString };
  const blob = await new AzureContainer({ container: "mta-demo", credentials }).blobClient("stage/data.json");
  expect((await blob.downloadToBuffer()).toString()).toBe("[]");
});
