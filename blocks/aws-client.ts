/**
 * What prefect-aws calls the client's parameters, as options of the AWS SDK for JavaScript, and what S3 needs besides. The credentials blocks and
 * `S3Bucket` use it. Imports public names only; the SDK when a client is made.
 * @module
 */
import { readFileSync } from "node:fs";
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { AshlarError } from "ashlar";
import { optionalPackage } from "ashlar/blocks/optional-package";
import { z } from "zod";

/** Options that a client of any service takes, as {@link clientOptions} gives them. */
export type AwsClientOptions = Pick<
  S3ClientConfig,
  "region" | "profile" | "credentials" | "endpoint" | "tls" | "requestHandler" | "maxAttempts" | "retryMode" | "signer"
>;

const filePath = () => z.string().meta({ format: "file-path" });

/** The model of this name in prefect-aws; keys as documents hold them. */
export const AwsClientParameters = z
  .strictObject({
    api_version: z.string().optional().meta({ title: "API Version", description: "The API version to use." }),
    use_ssl: z.boolean().default(true).meta({ title: "Use SSL", description: "Whether or not to use SSL." }),
    verify: z.union([z.boolean(), filePath()]).optional().describe("Whether or not to verify SSL certificates."),
    verify_cert_path: filePath()
      .optional()
      .meta({ title: "Certificate Authority Bundle File Path", description: "Path to the CA cert bundle to use." }),
    endpoint_url: z.string().optional().meta({ title: "Endpoint URL", description: "The complete URL to use for the constructed client." }),
    config: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ title: "Botocore Config", description: "Advanced configuration for Botocore clients." }),
  })
  .meta({
    id: "AwsClientParameters",
    description: `Model used to manage extra parameters that you can pass when you initialize
the Client. If you want to find more information, see
[boto3 docs](https://boto3.amazonaws.com/v1/documentation/api/latest/reference/core/session.html)
for more info about the possible client configurations.

Attributes:
    api_version: The API version to use. By default, botocore will
        use the latest API version when creating a client. You only need
        to specify this parameter if you want to use a previous API version
        of the client.
    use_ssl: Whether or not to use SSL. By default, SSL is used.
        Note that not all services support non-ssl connections.
    verify: Whether or not to verify SSL certificates. By default
        SSL certificates are verified. If False, SSL will still be used
        (unless use_ssl is False), but SSL certificates
        will not be verified. Passing a file path to this is deprecated.
    verify_cert_path: A filename of the CA cert bundle to
        use. You can specify this argument if you want to use a
        different CA cert bundle than the one used by botocore.
    endpoint_url: The complete URL to use for the constructed
        client. Normally, botocore will automatically construct the
        appropriate URL to use when communicating with a service. You
        can specify a complete URL (including the "http/https" scheme)
        to override this behavior. If this value is provided,
        then \`use_ssl\` is ignored.
    config: Advanced configuration for Botocore clients. See
        [botocore docs](https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html)
        for more details.`,
  });
export type AwsClientParameters = z.output<typeof AwsClientParameters>;

/** What of botocore's configuration has a counterpart in the SDK for JavaScript. */
const Understood = z.strictObject({
  signature_version: z.enum(["unsigned", "v4", "s3v4"]).optional(),
  connect_timeout: z.number().positive().optional(),
  read_timeout: z.number().positive().optional(),
  retries: z
    .strictObject({
      max_attempts: z.int().min(0).optional(),
      total_max_attempts: z.int().min(1).optional(),
      mode: z.enum(["legacy", "standard", "adaptive"]).optional(),
    })
    .optional(),
  s3: z.strictObject({ addressing_style: z.enum(["auto", "path", "virtual"]).optional() }).optional(),
});

/** For a block's `check`: an endpoint that is no URL, or one that everyone who sees the block should not see. */
export function checkEndpoint(parameters: AwsClientParameters, refuse: (message: string, field: "awsClientParameters") => void): void {
  const { endpoint_url } = parameters;
  if (!endpoint_url) return; // an empty text counts as not given: forms send it for what was left out
  if (!/^https?:$/.test(URL.parse(endpoint_url)?.protocol ?? "") || /[?#@]/.test(endpoint_url))
    refuse("endpoint_url must be a plain http or https URL, without user or query", "awsClientParameters");
}

/**
 * The parameters as options of a client of any service. Those of `config` that are understood: `signature_version` (`unsigned`), `connect_timeout`,
 * `read_timeout`, `retries`, and for S3 `addressing_style`.
 *
 * @throws AshlarError `ERR_UNSUPPORTED` for what the SDK for JavaScript has nothing for, `ERR_INVALID` for a bundle of certificates that cannot be
 * read.
 */
export function clientOptions(parameters: AwsClientParameters): AwsClientOptions {
  const { endpoint_url, use_ssl, api_version } = parameters;
  const config = understood(parameters);
  if (api_version) throw unsupported(["api_version"]);
  const { max_attempts, total_max_attempts, mode } = config.retries ?? {};
  const attempts = total_max_attempts ?? (max_attempts === undefined ? undefined : max_attempts + 1);
  return {
    ...(endpoint_url ? { endpoint: endpoint_url } : !use_ssl && { tls: false }),
    ...(attempts !== undefined && { maxAttempts: attempts }),
    ...(mode !== undefined && mode !== "legacy" && { retryMode: mode }),
    ...(config.signature_version === "unsigned" && { signer: { sign: async (request) => request } }),
    requestHandler: {
      ...(config.connect_timeout !== undefined && { connectionTimeout: config.connect_timeout * 1000 }),
      ...(config.read_timeout !== undefined && { socketTimeout: config.read_timeout * 1000 }),
      httpsAgent: certificates(parameters),
    },
  };
}

/**
 * A client of S3. Its URLs have the bucket in their path where an endpoint is named, as botocore has it, unless `addressing_style` says otherwise.
 *
 * @param options what the block gives, and what the caller wants otherwise.
 * @throws AshlarError `ERR_MISSING_PACKAGE`, `ERR_UNSUPPORTED`
 */
export async function openS3(parameters: AwsClientParameters, options: S3ClientConfig): Promise<S3Client> {
  const style = understood(parameters).s3?.addressing_style ?? "auto";
  const forcePathStyle = style === "path" || (style === "auto" && Boolean(parameters.endpoint_url));
  const { S3Client } = await optionalPackage("@aws-sdk/client-s3", "Amazon S3", () => import("@aws-sdk/client-s3"));
  return new S3Client({ forcePathStyle, ...options });
}

function understood({ config }: AwsClientParameters): z.output<typeof Understood> {
  const result = Understood.safeParse(config ?? {});
  if (result.success) return result.data;
  const paths = result.error.issues.flatMap((issue) =>
    (issue.code === "unrecognized_keys" ? issue.keys : [undefined]).map((key) =>
      ["config", ...issue.path, ...(key ? [key] : [])].join("."),
    ),
  );
  throw unsupported(paths);
}

function unsupported(settings: readonly string[]): AshlarError {
  return new AshlarError(
    "ERR_UNSUPPORTED",
    `The AWS SDK for JavaScript has nothing for these settings of boto3 in awsClientParameters: ${settings.join(", ")}. Take them away, and give their like to client() or to your own client.`,
    { path: "awsClientParameters" },
  );
}

function certificates({ verify, verify_cert_path }: AwsClientParameters): { rejectUnauthorized?: false; ca?: Buffer } {
  if (verify === false) return { rejectUnauthorized: false };
  const path = verify_cert_path || (typeof verify === "string" ? verify : "");
  if (path === "") return {};
  try {
    return { ca: readFileSync(path) };
  } catch {
    const message = "The certificates that awsClientParameters names cannot be read: there is no such file, or no access.";
    throw new AshlarError("ERR_INVALID", message, { path: "awsClientParameters" });
  }
}
