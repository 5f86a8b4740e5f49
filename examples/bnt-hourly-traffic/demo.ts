/**
 * `npm run demo`: the whole way from an empty store to rows in a container, by the commands that a reader would type. Everything runs on this
 * machine and is thrown away afterwards: the store and its key lie in a temporary folder, the storage is Azurite, the source is a local endpoint
 * with made-up rows.
 * @module
 */
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BlobServiceClient } from "@azure/storage-blob";
import { type Azurite, startAzurite } from "./azurite.ts";
import { startOpenData } from "./open-data.ts";
import { Transcript } from "./transcript.ts";

const HERE = "examples/bnt-hourly-traffic";
const NEXT = `
Done, and cleaned up. What you can type next:
  npx ashlar init                       a store of your own, and its key
  npx node ${HERE}/flow.ts --help
                                        the same pipeline on the city's real rows and your storage account;
                                        ${HERE}/README.md says how
  README.md                             your own block class, saved and loaded`;

const folder = mkdtempSync(join(tmpdir(), "ashlar-demo-"));
const cleanUp = () => rmSync(folder, { recursive: true, force: true });
process.once("exit", cleanUp);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1)); // Azurite ends with this process

const keyFile = join(folder, "keys");
const token = `dapi${randomBytes(16).toString("hex")}`;
const [azurite, source] = await Promise.all([startAzurite(), startOpenData()]);
try {
  await BlobServiceClient.fromConnectionString(azurite.connectionString).createContainer("mta-demo");
  await demo(new Transcript(() => [token, azurite.key, azurite.connectionString, ...keysOf(keyFile)]), azurite, source.url);
  cleanUp();
  console.log(NEXT);
} catch (error) {
  console.error(`The demo failed: ${(error as Error).message}`);
  process.exitCode = 1;
} finally {
  await Promise.all([azurite.stop(), source.stop()]);
}

async function demo(transcript: Transcript, { connectionString }: Azurite, sourceUrl: string): Promise<void> {
  transcript.show("Azurite plays Azure Storage; a local endpoint with made-up rows plays the city's open data.");

  transcript.step("1. A store, and the key that seals it, both thrown away at the end");
  transcript.set("ASHLAR_STORE", `sqlite:${join(folder, "store", "blocks.db")}`);
  transcript.set("ASHLAR_KEY_FILE", keyFile);
  await transcript.run("npx ashlar", "init");

  transcript.step("2. The block types of the pipeline, with those they nest");
  await transcript.run("npx ashlar", "register", "ashlar/blocks/iceberg-azure-hadoop");
  await transcript.run("npx ashlar", "register", "ashlar/blocks/databricks-connect-cluster");

  transcript.step("3. The documents; their secrets come from the environment");
  transcript.set("MTADEMO_STORAGE_CONNECTION_STRING", connectionString, "secret");
  transcript.set("MTADEMO_DATABRICKS_TOKEN", token, "secret");
  await transcript.run("npx ashlar", "apply", `${HERE}/documents.yaml`);
  await transcript.run("npx ashlar", "ls");
  await transcript.run("npx ashlar", "inspect", "azure/mtademo");

  transcript.step("4. The pipeline loads its three blocks by name and uploads a week of traffic");
  const uploaded = await transcript.run("npx node", `${HERE}/flow.ts`, "--source", sourceUrl, "--page-size", "1000");
  const readBack = await transcript.run("npx node", `${HERE}/read-back.ts`);
  const count = rowsOf(uploaded);
  if (count === undefined || count !== rowsOf(readBack)) throw new Error("What was read back is not what was uploaded.");

  transcript.step("5. The same documents again: nothing changes");
  await transcript.run("npx ashlar", "apply", `${HERE}/documents.yaml`);
}

/** The keys in a key file; none before there is one. */
function keysOf(file: string): readonly string[] {
  return existsSync(file) ? (readFileSync(file, "utf8").match(/ashlarkey1_[\w-]+/g) ?? []) : [];
}

/** How many rows an output says that it handled, as it says it. */
function rowsOf(output: string): string | undefined {
  return /^(?:uploaded {2})?([\d,]+) rows/m.exec(output)?.[1];
}
