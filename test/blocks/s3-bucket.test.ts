/** Keys, URLs and clients of an `S3Bucket`; the real @aws-sdk/client-s3 sends to a double that keeps what it is given. */
import { GetObjectCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { openStore } from "ashlar";
import { AwsCredentials } from "ashlar/blocks/aws-credentials";
import { MinIOCredentials } from "ashlar/blocks/minio-credentials";
import { S3Bucket } from "ashlar/blocks/s3-bucket";
import { beforeAll, describe, expect, it } from "vitest";
import { httpServer, type TestServer } from "../http-server.ts";
import { refusalOf } from "./refusal.ts";
import { CANARY } from "./samples.ts";

const aws = { awsAccessKeyId: "AKIDEXAMPLE", awsSecretAccessKey: CANARY, regionName: "eu-central-1" };
const minio = { minioRootUser: "root-user", minioRootPassword: CANARY };
const make = (bucketFolder = "", credentials: ConstructorParameters<typeof S3Bucket>[0]["credentials"] = aws, bucketName = "mta-demo") =>
  new S3Bucket({ bucketName, credentials, bucketFolder });

describe("url", () => {
  it.each([
    ["s3", "s3://mta-demo"],
    ["s3a", "s3a://mta-demo"],
    ["https", "https://mta-demo.s3.eu-central-1.amazonaws.com"],
    ["http", "http://mta-demo.s3.eu-central-1.amazonaws.com"],
  ] as const)("by %s has folder and path percent-encoded", (protocol, root) => {
    expect(make().url({ protocol })).toBe(root);
    expect(make("a b//c/").url({ protocol })).toBe(`${root}/a%20b/c`);
    expect(make("stage").url({ protocol, path: "/date=2024-01-01/ä?#%+&'.json" })).toBe(
      `${root}/stage/date=2024-01-01/%C3%A4%3F%23%25%2B%26'.json`,
    );
    expect(make().url({ protocol, path: "%2e%2e//x/" })).toBe(`${root}/%252e%252e//x/`);
  });

  it("leads where the credentials lead", () => {
    const at = (endpoint_url: string) => make("stage", { ...minio, awsClientParameters: { endpoint_url } }, "a b");
    expect(at("http://127.0.0.1:9000").url({ protocol: "http" })).toBe("http://127.0.0.1:9000/a%20b/stage");
    expect(at("https://minio.example/s3/").url({ protocol: "https", path: "x" })).toBe("https://minio.example/s3/a%20b/stage/x");
    expect(make("", { ...aws, regionName: "cn-north-1" }).url({ protocol: "https" })).toBe(
      "https://mta-demo.s3.cn-north-1.amazonaws.com.cn",
    );
    expect(make("", aws, "mta.demo").url({ protocol: "https" })).toBe("https://s3.eu-central-1.amazonaws.com/mta.demo");
  });

  it("is refused where it would lead elsewhere, and where nobody says where", async () => {
    for (const path of ["..", "../x", "a/./b"]) {
      expect(await refusalOf(() => make("stage").url({ path }), [CANARY])).toMatchObject({ code: "ERR_INVALID" });
      expect(await refusalOf(() => make("stage").key(path), [CANARY])).toMatchObject({ code: "ERR_INVALID" });
    }
    expect(await refusalOf(() => make("a/..").key("x"), [CANARY])).toMatchObject({ code: "ERR_INVALID" });
    expect(await refusalOf(() => make().key("/"), [CANARY])).toMatchObject({ code: "ERR_INVALID" });
    for (const bucketName of ["", "..", "\ud800"])
      expect(await refusalOf(() => make("", aws, bucketName).url(), [CANARY])).toMatchObject({
        code: "ERR_INVALID",
        details: { path: "bucketName" },
      });
    for (const regionName of [undefined, "", "evil.example/#"])
      expect(await refusalOf(() => make("", { regionName }).url({ protocol: "https" }), [])).toMatchObject({
        details: { path: "credentials.regionName" },
      });
    expect(() => make().url({ protocol: "ftp" as never })).toThrow(TypeError);
  });
});

describe("credentials", () => {
  it("are of either type, by their fields or by name, and AWS's own where there are none", () => {
    expect(make("", minio).credentials).toBeInstanceOf(MinIOCredentials);
    expect(make("", aws).credentials).toBeInstanceOf(AwsCredentials);
    expect(make("", { blockTypeSlug: "aws-credentials", regionName: "eu-central-1" }).credentials).toBeInstanceOf(AwsCredentials);
    expect(new S3Bucket({ bucketName: "b" }).credentials).toBeInstanceOf(AwsCredentials);
    expect(new S3Bucket({ bucketName: "b" }).bucketFolder).toBe("");
  });

  it.each([
    ["aws-credentials", new AwsCredentials(aws)],
    ["minio-credentials", new MinIOCredentials(minio)],
  ])("come back from a store as %s, by reference and inside of the bucket", async (slug, credentials) => {
    const store = await openStore("memory:");
    const bucket = new S3Bucket({ bucketName: "b", credentials });
    await bucket.save("inside", { store });
    await credentials.save("own", { store });
    await new S3Bucket({ bucketName: "b", credentials }).save("referring", { store });
    for (const name of ["inside", "referring"]) {
      const loaded = await S3Bucket.load(name, { store });
      expect(loaded.equals(bucket)).toBe(true);
      expect((loaded.credentials.constructor as typeof AwsCredentials).slug).toBe(slug);
      expect(loaded.credentials.document?.name).toBe(name === "referring" ? "own" : undefined);
    }
  });
});

describe("a client", () => {
  let double: TestServer;
  const kept = new Map<string, string>();
  beforeAll(async () => {
    double = await httpServer(({ method, path, body }) => {
      const [where = ""] = path.split("?");
      if (method === "PUT") kept.set(where, body);
      return { body: method === "GET" ? (kept.get(where) ?? "") : "" };
    });
  });

  it.each([
    ["aws", aws],
    ["minio", minio],
  ] as const)("puts and gets an object under its key, the bucket in the path (%s)", async (_which, given) => {
    const bucket = make("a b/ä", { ...given, awsClientParameters: { endpoint_url: double.origin } });
    const s3 = await bucket.client({ maxAttempts: 1 });
    const place = { Bucket: bucket.bucketName, Key: bucket.key("/date=2024-01-01/x'+.json") };
    await s3.send(new PutObjectCommand({ ...place, Body: "[]" }));
    const { Body } = await s3.send(new GetObjectCommand(place));
    expect(await Body?.transformToString()).toBe("[]");
    const [put] = double.received;
    const url = bucket.url({ path: "date=2024-01-01/x'+.json", protocol: "http" });
    expect(decodeURIComponent(put?.path.split("?")[0] ?? "")).toBe(decodeURIComponent(new URL(url).pathname));
    expect(put?.headers).toMatchObject({
      host: `127.0.0.1:${double.port}`,
      authorization: expect.stringMatching(/Signature=[0-9a-f]{64}$/),
    });
    expect(JSON.stringify(double.received)).not.toContain(CANARY);
    double.received.length = 0;
  });
});
