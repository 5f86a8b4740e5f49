/** Blocks in a program that has installed no client library. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "ashlar-bare-"));

/** Asks for each client; prints what comes of it, a line each. */
const PROGRAM = `
import { AwsCredentials } from "ashlar/blocks/aws-credentials";
import { AzureBlobStorageContainer } from "ashlar/blocks/azure-blob-storage-container";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { AzureCosmosDbCredentials } from "ashlar/blocks/azure-cosmos-db-credentials";
import { MinIOCredentials } from "ashlar/blocks/minio-credentials";
import { S3Bucket } from "ashlar/blocks/s3-bucket";
import { SlackWebhook } from "ashlar/blocks/slack-webhook";
import { Webhook } from "ashlar/blocks/webhook";
const credentials = { bucketPath: "b", azureStorageAccountName: "mtademo", azureStorageAnon: false };
const container = new AzureContainer({ container: "mta-demo", credentials });
const minio = { minioRootUser: "u", minioRootPassword: "p", awsClientParameters: { endpoint_url: "http://127.0.0.1:1" } };
const bucket = new S3Bucket({ bucketName: "mta-demo", credentials: minio });
const connectionString = "AccountEndpoint=https://mtademo.documents.azure.com/;AccountKey=AAAA";
const blobs = { containerName: "mta-demo", credentials: { accountUrl: "https://mtademo.blob.core.windows.net" } };
const calls = {
  "container url": async () => container.url(),
  container: () => container.blobClient("x"),
  "blob container": () => new AzureBlobStorageContainer(blobs).client(),
  cosmos: () => new AzureCosmosDbCredentials({ connectionString }).client(),
  "bucket url": async () => bucket.url(),
  bucket: () => bucket.client(),
  minio: () => new MinIOCredentials(minio).client(),
  "aws options": async () => JSON.stringify(new AwsCredentials({}).clientOptions()),
  aws: () => new AwsCredentials({}).client(),
  slack: () => new SlackWebhook({ url: "http://127.0.0.1:1" }).send("x"),
  webhook: () => new Webhook({ url: "http://127.0.0.1:1" }).send("x"),
};
for (const [name, call] of Object.entries(calls))
  console.log(name + ": " + (await call().then(String, (error) => error.code + " " + error.message)));
`;

/** The sources in a folder whose node_modules has zod and, when asked, @azure/storage-blob. */
beforeAll(() => {
  for (const part of ["src", "blocks", "package.json"]) cpSync(join(root, part), join(folder, part), { recursive: true });
  mkdirSync(join(folder, "node_modules/@azure"), { recursive: true });
  symlinkSync(join(root, "node_modules/zod"), join(folder, "node_modules/zod"));
  writeFileSync(join(folder, "program.ts"), PROGRAM);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What came of each call, by name. */
function run(): Readonly<Record<string, string>> {
  const lines = execFileSync(process.execPath, ["program.ts"], { cwd: folder, encoding: "utf8" }).trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(/: (.*)/) as [string, string]));
}

it("need nothing for URLs, and name what a client needs", () => {
  const missing = (name: string) => expect.stringMatching(new RegExp(`^ERR_MISSING_PACKAGE .* not installed: npm install ${name}$`));
  expect(run()).toEqual({
    "container url": "abfss://mta-demo@mtademo.dfs.core.windows.net",
    container: missing("@azure/storage-blob"),
    "blob container": missing("@azure/storage-blob"),
    cosmos: missing("@azure/cosmos"),
    "bucket url": "s3://mta-demo",
    bucket: missing("@aws-sdk/client-s3"),
    minio: missing("@aws-sdk/client-s3"),
    "aws options": '{"requestHandler":{"httpsAgent":{}}}',
    aws: missing("@aws-sdk/client-s3"),
    slack: missing("@slack/webhook"),
    webhook: expect.stringMatching(/^ERR_UNREACHABLE /),
  });
});

it("ask for @azure/identity only where it is needed", () => {
  symlinkSync(join(root, "node_modules/@azure/storage-blob"), join(folder, "node_modules/@azure/storage-blob"));
  for (const name of ["container", "blob container"]) expect(run()[name]).toMatch(/^ERR_MISSING_PACKAGE .*npm install @azure\/identity$/);
});
