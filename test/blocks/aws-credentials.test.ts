/** What `AwsCredentials` and `MinIOCredentials` ask for, and what the real @aws-sdk/client-s3 then sends: to a double that only listens. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { GetObjectCommand, ListBucketsCommand } from "@aws-sdk/client-s3";
import { openStore, Secret } from "ashlar";
import { AwsCredentials } from "ashlar/blocks/aws-credentials";
import { MinIOCredentials } from "ashlar/blocks/minio-credentials";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { certificate } from "../certificate.ts";
import { httpServer, type TestServer } from "../http-server.ts";
import { temporaryFolder } from "../temporary.ts";
import { logged, refusalOf } from "./refusal.ts";
import { CANARY } from "./samples.ts";

type Input = ConstructorParameters<typeof AwsCredentials>[0];
const key = { awsAccessKeyId: "AKIDEXAMPLE", awsSecretAccessKey: CANARY };

const buckets =
  '<?xml version="1.0"?><ListAllMyBucketsResult><Buckets><Bucket><Name>mta</Name></Bucket></Buckets></ListAllMyBucketsResult>';
let double: TestServer;
beforeAll(async () => {
  double = await httpServer(({ path }) =>
    path.includes("denied") ? { status: 403 } : { headers: { "content-type": "application/xml" }, body: buckets },
  );
});
afterEach(() => {
  double.received.length = 0;
  vi.unstubAllEnvs();
});
const at = (more: object = {}) => ({ awsClientParameters: { endpoint_url: double.origin, ...more } });
/** What the double heard when buckets were asked for. */
async function heard(credentials: AwsCredentials | MinIOCredentials) {
  const client = await credentials.client({ maxAttempts: 1 });
  expect((await client.send(new ListBucketsCommand())).Buckets).toEqual([{ Name: "mta" }]);
  const { headers } = double.received.at(-1) ?? {};
  return { authorization: headers?.authorization, token: headers?.["x-amz-security-token"], host: headers?.host };
}

describe("AwsCredentials", () => {
  it("signs by its key, for its region", async () => {
    const { authorization, token, host } = await heard(new AwsCredentials({ ...key, regionName: "eu-central-1", ...at() }));
    expect(authorization).toMatch(
      /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-central-1\/s3\/aws4_request, .*Signature=[0-9a-f]{64}$/,
    );
    expect([token, host]).toEqual([undefined, `127.0.0.1:${double.port}`]);
    const temporary = new AwsCredentials({ ...key, awsSessionToken: "session", regionName: "eu-central-1", ...at() });
    expect((await heard(temporary)).token).toBe("session");
  });

  it("signs by a profile of the shared configuration, and by what the SDK finds where nothing is given", async () => {
    const folder = temporaryFolder();
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", file("credentials", "[mta]\naws_access_key_id = AKIDPROFILE\naws_secret_access_key = x\n"));
    vi.stubEnv("AWS_CONFIG_FILE", file("config", "[profile mta]\nregion = us-west-2\n"));
    expect((await heard(new AwsCredentials({ profileName: "mta", ...at() }))).authorization).toMatch(/AKIDPROFILE\/\d+\/us-west-2\//);
    for (const [name, value] of Object.entries({ AWS_ACCESS_KEY_ID: "AKIDFOUND", AWS_SECRET_ACCESS_KEY: "x", AWS_REGION: "eu-north-1" }))
      vi.stubEnv(name, value);
    expect((await heard(new AwsCredentials(at()))).authorization).toMatch(/AKIDFOUND\/\d+\/eu-north-1\//);
  });

  it.each<[Input, RegExp]>([
    [{ awsAccessKeyId: CANARY }, /awsSecretAccessKey: is missing/],
    [{ awsSecretAccessKey: CANARY }, /awsAccessKeyId: is missing/],
    [{ awsAccessKeyId: CANARY, awsSecretAccessKey: "" }, /awsSecretAccessKey: is missing/],
    [{ awsSessionToken: CANARY }, /awsAccessKeyId: is missing[\s\S]*awsSecretAccessKey: is missing/],
    [
      { awsClientParameters: { endpoint_url: `https://me:${CANARY}@host` } },
      /awsClientParameters: endpoint_url must be a plain http or https URL/,
    ],
    [{ awsClientParameters: { endpoint_url: `host/${CANARY}` } }, /endpoint_url must be a plain/],
    [{ awsClientParameters: { endpoint_ur: CANARY } as never }, /endpoint_ur/],
  ])("refuses what cannot be right, without a value (%#)", async (input, message) => {
    expect((await refusalOf(() => new AwsCredentials(input), [CANARY])).message).toMatch(message);
  });

  it("takes an empty text for one that was left out", () => {
    expect(new AwsCredentials({ awsAccessKeyId: "", awsSecretAccessKey: "", awsSessionToken: "" }).clientOptions()).not.toHaveProperty(
      "credentials",
    );
  });

  it("refuses a role to assume, with the way out", async () => {
    const role = new AwsCredentials({ ...key, assumeRoleArn: "arn:aws:iam::123456789012:role/mta" });
    const error = await refusalOf(() => role.client(), [CANARY]);
    expect(error).toMatchObject({ code: "ERR_UNSUPPORTED", details: { path: "assumeRoleArn" } });
    expect(error.message).toMatch(/name by profileName a profile that has it as its role_arn/);
  });

  it("has that way out: the SDK assumes the role of a profile", async () => {
    const answer = `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey>
      <SessionToken>assumed</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`;
    const sts = await httpServer(() => ({ headers: { "content-type": "text/xml" }, body: answer }));
    const folder = temporaryFolder();
    const role = "role_arn = arn:aws:iam::123456789012:role/mta\nsource_profile = base\nregion = us-west-2\n";
    const base = "[profile base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = x\n";
    writeFileSync(join(folder, "config"), `[profile mta]\n${role}${base}`);
    vi.stubEnv("AWS_CONFIG_FILE", join(folder, "config"));
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", join(folder, "none"));
    vi.stubEnv("AWS_ENDPOINT_URL_STS", sts.origin);
    const { authorization, token } = await heard(new AwsCredentials({ profileName: "mta", ...at() }));
    expect([authorization, token]).toEqual([expect.stringMatching(/Credential=ASIAROLE\/\d+\/us-west-2\//), "assumed"]);
    expect(sts.received[0]?.body).toContain("RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fmta");
    expect(sts.received[0]?.headers.authorization).toContain("Credential=AKIDBASE/");
  });

  it("hides key and token in its options, and in what the SDK throws", async () => {
    const credentials = new AwsCredentials({ ...key, awsSessionToken: `${CANARY}Token`, regionName: "eu-central-1", ...at() });
    expect(credentials.awsSessionToken).toBeInstanceOf(Secret);
    const options = credentials.clientOptions();
    expect(`${inspect(options, { depth: 9, showHidden: true })}${JSON.stringify(options)}`).not.toContain(CANARY);
    const client = await credentials.client({ maxAttempts: 1 });
    const thrown: unknown = await client.send(new GetObjectCommand({ Bucket: "mta", Key: "denied" })).catch((error: unknown) => error);
    expect(thrown).toMatchObject({ $metadata: { httpStatusCode: 403 } });
    expect(logged(thrown)).not.toContain(CANARY);
  });

  it("comes back from a store with its parameters", async () => {
    const store = await openStore("memory:");
    const role = { DurationSeconds: 900, Tags: [{ Key: "a", Value: "b" }] };
    const saved = await new AwsCredentials({ ...key, awsClientParameters: { verify: "/ca.pem" }, assumeRoleKwargs: role }).save("one", {
      store,
    });
    const loaded = await AwsCredentials.load("one", { store });
    expect(loaded.equals(saved)).toBe(true);
    expect([loaded.awsClientParameters, loaded.assumeRoleKwargs]).toEqual([{ use_ssl: true, verify: "/ca.pem" }, role]);
  });
});

describe("awsClientParameters", () => {
  const options = (awsClientParameters: NonNullable<Input>["awsClientParameters"]) =>
    new AwsCredentials({ awsClientParameters }).clientOptions();
  const handler = (parameters: Parameters<typeof options>[0]) => options(parameters).requestHandler as { httpsAgent: object };

  it("become the SDK's options", () => {
    expect(options(undefined)).toEqual({ requestHandler: { httpsAgent: {} } });
    expect(options({ use_ssl: false })).toMatchObject({ tls: false });
    expect(options({ endpoint_url: "", api_version: "", verify: "", verify_cert_path: "" })).toEqual(options(undefined));
    expect(options({ use_ssl: false, endpoint_url: "https://s3.example" })).toEqual({
      endpoint: "https://s3.example",
      requestHandler: { httpsAgent: {} },
    });
    const config = { connect_timeout: 1.5, read_timeout: 60, retries: { max_attempts: 2, mode: "adaptive" }, signature_version: "s3v4" };
    expect(options({ config })).toEqual({
      ...{ maxAttempts: 3, retryMode: "adaptive" },
      requestHandler: { connectionTimeout: 1500, socketTimeout: 60_000, httpsAgent: {} },
    });
    expect(options({ config: { retries: { total_max_attempts: 2, max_attempts: 9, mode: "legacy" } } })).toMatchObject({ maxAttempts: 2 });
    expect(options({ config: { retries: { mode: "legacy" } } })).toEqual({ requestHandler: { httpsAgent: {} } });
  });

  it("say which certificates are trusted", async () => {
    const pair = certificate();
    const secure = await httpServer(() => ({ body: buckets }), pair);
    const bundle = join(temporaryFolder(), "ca.pem");
    writeFileSync(bundle, pair.cert);
    const list = async (more: object) => {
      const credentials = new AwsCredentials({
        ...key,
        regionName: "us-east-1",
        awsClientParameters: { endpoint_url: secure.origin, ...more },
      });
      return (await credentials.client({ maxAttempts: 1 })).send(new ListBucketsCommand());
    };
    await expect(list({})).rejects.toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    await expect(list({ verify: true })).rejects.toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    expect(secure.received).toEqual([]);
    for (const more of [{ verify: false }, { verify: bundle }, { verify_cert_path: bundle }, { verify: true, verify_cert_path: bundle }])
      expect((await list(more)).Buckets).toHaveLength(1);
    expect(handler({ verify: false, verify_cert_path: "/nowhere" }).httpsAgent).toEqual({ rejectUnauthorized: false });
    expect(await refusalOf(() => options({ verify_cert_path: "/nowhere" }), [])).toMatchObject({ code: "ERR_INVALID" });
  });

  it("name buckets in the host or in the path, as boto3 does", async () => {
    const hosts = async (more: object) => {
      const client = await new AwsCredentials({ ...key, regionName: "us-east-1", awsClientParameters: more }).client();
      return client.config.forcePathStyle;
    };
    expect(await hosts({})).toBe(false);
    expect(await hosts({ config: { s3: { addressing_style: "path" } } })).toBe(true);
    expect(await hosts({ endpoint_url: double.origin })).toBe(true);
    expect(await hosts({ endpoint_url: double.origin, config: { s3: { addressing_style: "auto" } } })).toBe(true);
    expect(await hosts({ endpoint_url: double.origin, config: { s3: { addressing_style: "virtual" } } })).toBe(false);
  });

  it("send unsigned requests where that is asked for", async () => {
    const credentials = new AwsCredentials({ ...key, regionName: "us-east-1", ...at({ config: { signature_version: "unsigned" } }) });
    expect((await heard(credentials)).authorization).toBeUndefined();
  });

  it("that the SDK has nothing for are refused by name, not left out", async () => {
    const refusals = [
      [{ api_version: "2006-03-01" }, "api_version"],
      [
        { config: { proxies: { https: `http://me:${CANARY}@proxy` }, max_pool_connections: 5 } },
        "config.proxies, config.max_pool_connections",
      ],
      [
        { config: { signature_version: CANARY, s3: { use_accelerate_endpoint: true } } },
        "config.signature_version, config.s3.use_accelerate_endpoint",
      ],
    ] as const;
    for (const [parameters, named] of refusals) {
      const error = await refusalOf(() => options(parameters), [CANARY]);
      expect(error.code).toBe("ERR_UNSUPPORTED");
      expect(error.message).toContain(`in awsClientParameters: ${named}.`);
    }
  });
});

describe("MinIOCredentials", () => {
  const root = { minioRootUser: "root-user", minioRootPassword: CANARY };

  it("signs by user and password, for us-east-1 or its region", async () => {
    expect((await heard(new MinIOCredentials({ ...root, ...at() }))).authorization).toMatch(/Credential=root-user\/\d{8}\/us-east-1\/s3\//);
    const elsewhere = new MinIOCredentials({ ...root, regionName: "eu-1", ...at() });
    expect((await heard(elsewhere)).authorization).toMatch(/Credential=root-user\/\d{8}\/eu-1\/s3\//);
  });

  it("needs to know where the server is", async () => {
    const nowhere = new MinIOCredentials(root);
    const error = await refusalOf(() => nowhere.client(), [CANARY]);
    expect(error).toMatchObject({ code: "ERR_INVALID", details: { path: "awsClientParameters" } });
  });

  it("refuses an endpoint with a password in it", async () => {
    const input = { ...root, awsClientParameters: { endpoint_url: `http://root:${CANARY}@127.0.0.1:9000` } };
    expect((await refusalOf(() => new MinIOCredentials(input), [CANARY])).message).toMatch(/endpoint_url must be a plain/);
  });
});
