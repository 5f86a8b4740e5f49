/**
 * `S3Bucket`, `AwsCredentials` and `MinIOCredentials` against a server that speaks S3: moto, an emulator, with its signature check on; and what Python's
 * `S3Bucket` finds under the same names.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { S3Bucket } from "ashlar/blocks/s3-bucket";
import { afterAll, beforeAll, expect, it } from "vitest";
import { logged } from "../blocks/refusal.ts";
import { python } from "./python.ts";
import { virtualEnvironment } from "./virtual-environment.ts";

interface Place {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}
let server: ChildProcess;
let place: Place;
beforeAll(async () => {
  const interpreter = await virtualEnvironment("moto", ["moto[server]==5.2.5"]);
  server = spawn(interpreter, [join(import.meta.dirname, "s3_server.py")], { stdio: ["pipe", "pipe", "pipe"] });
  let log = "";
  server.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
  const ended = once(server, "exit").then(() => Promise.reject(new Error(`The S3 server did not start:\n${log}`)));
  const started = once(createInterface(server.stdout as NodeJS.ReadableStream), "line") as Promise<[string]>;
  const [line] = await Promise.race([started, ended]);
  ended.catch(() => {});
  place = JSON.parse(line) as Place;
});
afterAll(() => server?.kill());

type Credentials = ConstructorParameters<typeof S3Bucket>[0]["credentials"];
const awsClientParameters = () => ({ endpoint_url: place.endpoint });
const kinds: Readonly<Record<string, () => Credentials>> = {
  AwsCredentials: () => ({
    ...{ awsAccessKeyId: place.accessKeyId, awsSecretAccessKey: place.secretAccessKey, regionName: "eu-central-1" },
    awsClientParameters: awsClientParameters(),
  }),
  MinIOCredentials: () => ({
    ...{ minioRootUser: place.accessKeyId, minioRootPassword: place.secretAccessKey, regionName: "eu-central-1" },
    awsClientParameters: awsClientParameters(),
  }),
};
const bucketOf = (credentials: Credentials, bucketFolder: string) => new S3Bucket({ bucketName: "mta-demo", credentials, bucketFolder });

it.each(Object.keys(kinds))("%s let in: bytes go up and come down, under the key that the URL names", async (kind) => {
  const bucket = bucketOf(kinds[kind]?.(), `a b/${kind}`);
  const s3 = await bucket.client({ maxAttempts: 1 });
  for (const path of ["x.json", "date=2024-01-01/ä?#%+&'.json", "%2e%2e/x", "double//slash"]) {
    const at = { Bucket: bucket.bucketName, Key: bucket.key(path) };
    await s3.send(new PutObjectCommand({ ...at, Body: path }));
    expect(await (await s3.send(new GetObjectCommand(at))).Body?.transformToString()).toBe(path);
    const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: "mta-demo", Prefix: `a b/${kind}/` }));
    expect(Contents.map(({ Key }) => `/mta-demo/${Key}`)).toContain(
      decodeURIComponent(new URL(bucket.url({ path, protocol: "http" })).pathname),
    );
  }
});

it("fails as the SDK fails for a wrong key, which no log shows", async () => {
  const secretAccessKey = "wrongKey/Canary7xQ2LeakedSecret00";
  const bucket = bucketOf(
    {
      awsAccessKeyId: place.accessKeyId,
      awsSecretAccessKey: secretAccessKey,
      regionName: "eu-central-1",
      awsClientParameters: awsClientParameters(),
    },
    "",
  );
  const s3 = await bucket.client({ maxAttempts: 1 });
  const thrown: unknown = await s3.send(new GetObjectCommand({ Bucket: "mta-demo", Key: "x" })).catch((error: unknown) => error);
  expect(thrown).toMatchObject({ name: "SignatureDoesNotMatch", $metadata: { httpStatusCode: 403 } });
  expect(logged(thrown)).not.toContain(secretAccessKey);
});

it.each(["", "stage", "a b//c/", "/leading"])(
  "Python's S3Bucket reads what is written here, and writes what is read here, in folder %j",
  async (folder) => {
    const bucket = bucketOf(kinds.AwsCredentials?.(), folder);
    const s3 = await bucket.client({ maxAttempts: 1 });
    const at = (path: string) => ({ Bucket: bucket.bucketName, Key: bucket.key(path) });
    await s3.send(new PutObjectCommand({ ...at("from here.json"), Body: "from here" }));
    const program = `
import json, sys
from prefect_aws import AwsCredentials
from prefect_aws.s3 import S3Bucket
place, folder = json.loads(sys.argv[1]), sys.argv[2]
credentials = AwsCredentials(aws_access_key_id=place["accessKeyId"], aws_secret_access_key=place["secretAccessKey"],
    region_name="eu-central-1", aws_client_parameters={"endpoint_url": place["endpoint"]})
bucket = S3Bucket(bucket_name="mta-demo", credentials=credentials, bucket_folder=folder)
bucket.write_path("from python.json", b"from python")
print(bucket.read_path("from here.json").decode(), end="")
`;
    const { stdout } = await promisify(execFile)(await python(), ["-c", program, JSON.stringify(place), folder]);
    expect(stdout).toBe("from here");
    expect(await (await s3.send(new GetObjectCommand(at("from python.json")))).Body?.transformToString()).toBe("from python");
  },
);
