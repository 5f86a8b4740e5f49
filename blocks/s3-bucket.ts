/**
 * A bucket of Amazon S3, or of a server that speaks the same, as in prefect-aws. Imports public names only; the AWS SDK when a client is made.
 * @module
 */
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { AshlarError, Block, block } from "ashlar";
import { AwsCredentials } from "ashlar/blocks/aws-credentials";
import { MinIOCredentials } from "ashlar/blocks/minio-credentials";
import { encodedPart, encodedPath, objectPath } from "ashlar/blocks/object-path";
import { z } from "zod";

/** What {@link S3Bucket.url} takes. */
export interface S3UrlOptions {
  /** Path inside the bucket's folder, such as `data.json`; slashes at its start do not count. Default: the folder itself. */
  readonly path?: string | undefined;
  /** `s3` (default) is for tools of AWS, `s3a` for Spark and Hadoop, `https` and `http` for everything else. */
  readonly protocol?: "s3" | "s3a" | "https" | "http" | undefined;
}

/** A bucket, the credentials to get in, and the folder in which its paths begin. */
export class S3Bucket extends Block.define({
  name: "S3 Bucket",
  title: "S3Bucket",
  description: "Block used to store data using AWS S3 or S3-compatible object storage like MinIO.",
  logoUrl: "https://cdn.sanity.io/images/3ugk85nk/production/d74b16fe84ce626345adf235a47008fea2869a60-225x225.png",
  documentationUrl: "https://docs.prefect.io/integrations/prefect-aws",
  codeExample: `\`\`\`typescript
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { S3Bucket } from "ashlar/blocks/s3-bucket";

const bucket = await S3Bucket.load("BLOCK_NAME");

// s3://BUCKET/FOLDER/data.json
const url = bucket.url({ path: "data.json" });

// A client of @aws-sdk/client-s3 (npm install @aws-sdk/client-s3)
const s3 = await bucket.client();
await s3.send(new PutObjectCommand({ Bucket: bucket.bucketName, Key: bucket.key("data.json"), Body: "[]" }));
\`\`\``,
  capabilities: ["get-directory", "put-directory", "read-path", "write-path"],
  fields: {
    bucketName: z.string().describe("Name of your bucket."),
    credentials: z
      .union([block(MinIOCredentials), block(AwsCredentials)])
      .prefault({})
      .describe("A block containing your credentials to AWS or MinIO."),
    bucketFolder: z
      .string()
      .default("")
      .describe("A default path to a folder within the S3 bucket to use for reading and writing objects."),
  },
}) {
  /**
   * The key of an object in the folder, as commands of the SDK take it: `{ Bucket: bucket.bucketName, Key: bucket.key("data.json") }`.
   * @throws AshlarError `ERR_INVALID` for `.` and `..` in the path, and for one that is empty.
   */
  key(path: string): string {
    if (objectPath(path) === "")
      throw new AshlarError("ERR_INVALID", "An object needs a key, its path inside the folder.", { path: "path" });
    const key = objectPath(path, this.bucketFolder);
    encodedPath(key); // URL parsers, those of the SDK too, would resolve what is refused here
    return key;
  }

  /**
   * The URL of a path in the folder, or of the folder itself, percent-encoded: `s3://BUCKET/FOLDER/PATH`, `s3a://…`, or
   * `https://BUCKET.s3.REGION.amazonaws.com/FOLDER/PATH`, with the bucket in the path behind an endpoint of one's own. It holds no secret. Tools of
   * AWS and Hadoop read `s3` and `s3a` paths without decoding them: for those, keep to paths that need no encoding.
   * @throws AshlarError `ERR_INVALID` for `.` and `..` in the path, and for `https` when the credentials name neither an endpoint nor a region.
   */
  url({ path = "", protocol = "s3" }: S3UrlOptions = {}): string {
    const inside = encodedPath(objectPath(path, this.bucketFolder));
    const tail = inside === "" ? "" : `/${inside}`;
    switch (protocol) {
      case "s3":
      case "s3a":
        return `${protocol}://${encodedPart(this.bucketName, "bucketName")}${tail}`;
      case "https":
      case "http":
        return `${protocol}://${this.#location()}${tail}`;
      default:
        throw new TypeError('The protocol of a bucket\'s URL is "s3", "s3a", "https" or "http".');
    }
  }

  /**
   * A client of S3 by the credentials; nothing is sent until it is used. It is not bound to the bucket: give its commands `bucketName` and
   * {@link S3Bucket.key}.
   *
   * @param options what is wanted otherwise, as `@aws-sdk/client-s3` has it.
   * @throws AshlarError `ERR_INVALID`, `ERR_UNSUPPORTED`, `ERR_MISSING_PACKAGE`
   */
  async client(options?: S3ClientConfig): Promise<S3Client> {
    return this.credentials.client(options);
  }

  /** Host and path of the bucket. https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html */
  #location(): string {
    const bucket = encodedPart(this.bucketName, "bucketName");
    const { awsClientParameters, regionName } = this.credentials;
    const endpoint = awsClientParameters.endpoint_url;
    if (endpoint) return `${endpoint.replace(/^https?:\/\/|\/+$/gi, "")}/${bucket}`;
    if (!/^[a-z0-9-]+$/.test(regionName ?? ""))
      throw new AshlarError("ERR_INVALID", "Where the bucket is cannot be said: give its credentials a regionName, such as eu-central-1.", {
        path: "credentials.regionName",
      });
    const host = `s3.${regionName}.amazonaws.com${regionName?.startsWith("cn-") ? ".cn" : ""}`;
    // A certificate for *.s3.… is for names without dots only.
    return /^[a-z0-9-]+$/.test(bucket) ? `${bucket}.${host}` : `${host}/${bucket}`;
  }
}
