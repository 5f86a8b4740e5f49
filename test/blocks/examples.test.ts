/** The code examples of the shipped blocks compile and run as they stand, in a folder that has Ashlar installed. */
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { type AnyBlock, type Block, openStore } from "ashlar";
import { AwsCredentials } from "ashlar/blocks/aws-credentials";
import { AzureBlobStorageContainer } from "ashlar/blocks/azure-blob-storage-container";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { AzureCosmosDbCredentials } from "ashlar/blocks/azure-cosmos-db-credentials";
import { MinIOCredentials } from "ashlar/blocks/minio-credentials";
import { S3Bucket } from "ashlar/blocks/s3-bucket";
import { SlackWebhook } from "ashlar/blocks/slack-webhook";
import { Webhook } from "ashlar/blocks/webhook";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AnyBlockClass, DEFINITION } from "../../src/definition.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { type Azurite, startAzurite } from "../azurite.ts";
import { httpServer, type TestServer } from "../http-server.ts";
import { cosmosDouble } from "./cosmos-double.ts";
import { CANARY, KEY, samples } from "./samples.ts";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ashlar-examples-"));
const store = `sqlite:${join(folder, "store.db")}`;
const key = keyText(generateKey());
const definitionOf = (block: AnyBlock) => (block.constructor as AnyBlockClass)[DEFINITION];
let azurite: Azurite;
/** Stand for S3, Slack and anyone's webhook, and for Cosmos DB. */
let [double, cosmos]: TestServer[] = [];

/** Samples by file that lead to this machine. */
async function here(): Promise<Readonly<Record<string, Block>>> {
  azurite = await startAzurite();
  const credentials = { bucketPath: "b", azureStorageConnectionString: azurite.connectionString };
  const container = new AzureContainer({ container: "mta-demo", credentials });
  await (await container.containerClient()).create();
  double = await httpServer();
  cosmos = await cosmosDouble("2024-01-01");
  const awsClientParameters = { endpoint_url: double.origin };
  const minio = new MinIOCredentials({ minioRootUser: "root", minioRootPassword: CANARY, awsClientParameters });
  return {
    "azure-container": container,
    "azure-blob-storage-container": new AzureBlobStorageContainer({
      containerName: "mta-demo",
      credentials: { connectionString: azurite.connectionString },
      baseFolder: "folder",
    }),
    "azure-cosmos-db-credentials": new AzureCosmosDbCredentials({
      connectionString: `AccountEndpoint=${cosmos.origin}/;AccountKey=${KEY}`,
    }),
    "aws-credentials": new AwsCredentials({
      ...{ awsAccessKeyId: "AKIDEXAMPLE", awsSecretAccessKey: CANARY, regionName: "eu-central-1", awsClientParameters },
    }),
    "minio-credentials": minio,
    "s3-bucket": new S3Bucket({ bucketName: "mta-demo", credentials: minio, bucketFolder: "stage" }),
    webhook: new Webhook({ url: `${double.origin}/hook` }),
    "slack-webhook": new SlackWebhook({ url: `${double.origin}/hook/slack` }),
  };
}

beforeAll(async () => {
  mkdirSync(join(folder, "node_modules"));
  for (const name of ["@aws-sdk", "@azure", "@slack", "@types", "zod"])
    symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
  symlinkSync(root, join(folder, "node_modules/ashlar"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ extends: join(root, "tsconfig.json"), include: ["*.ts"] }));

  const local = await here();
  const opened = await openStore(store, { create: true, keys: [key] });
  for (const [file, sample] of Object.entries(samples)) {
    const code = /```typescript\n([\s\S]*?)```/.exec(definitionOf(sample).codeExample ?? "")?.[1] ?? "throw new Error('no example')";
    writeFileSync(join(folder, `${file}.ts`), `${code.replaceAll("BLOCK_NAME", "block-name")}\nexport {};\n`);
    await (local[file] ?? (sample as Block).with({})).save("block-name", { store: opened });
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

it.each(Object.keys(samples))("%s runs", async (file) => {
  const env = { ...process.env, ASHLAR_STORE: store, ASHLAR_KEYS: key };
  expect(await promisify(execFile)(process.execPath, [`${file}.ts`], { cwd: folder, env })).toEqual({ stdout: "", stderr: "" });
});

it("do what they say: the containers' have uploaded, the others have called", async () => {
  const credentials = { bucketPath: "b", azureStorageConnectionString: azurite.connectionString };
  for (const path of ["stage/data.json", "folder/data.json"]) {
    const blob = await new AzureContainer({ container: "mta-demo", credentials }).blobClient(path);
    expect((await blob.downloadToBuffer()).toString()).toBe("[]");
  }
  const asked = [double, cosmos].flatMap((server) => server?.received.map(({ method, path }) => `${method} ${path.split("?")[0]}`) ?? []);
  const calls = [
    "POST /hook",
    "POST /hook/slack",
    "GET /",
    "PUT /mta-demo/stage/data.json",
    "GET /dbs/traffic/colls/hourly/docs/2024-01-01",
  ];
  expect(asked).toEqual(expect.arrayContaining(calls));
});
