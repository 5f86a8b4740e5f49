/**
 * Credentials of a MinIO server, or of another that speaks S3, as in prefect-aws. Imports public names only; the AWS SDK when a client is made.
 * @module
 */
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { AshlarError, Block, secret } from "ashlar";
import { AwsClientParameters, checkEndpoint, clientOptions, openS3 } from "ashlar/blocks/aws-client";
import { z } from "zod";

/** Credentials of a MinIO server; where it is stands in `awsClientParameters`: `{ endpoint_url: "https://minio.example:9000" }`. */
export class MinIOCredentials extends Block.define({
  name: "MinIO Credentials",
  title: "MinIOCredentials",
  description:
    "Block used to manage authentication with MinIO. Refer to the MinIO docs: https://docs.min.io/docs/minio-server-configuration-guide.html for more info about the possible credential configurations.",
  logoUrl: "https://cdn.sanity.io/images/3ugk85nk/production/676cb17bcbdff601f97e0a02ff8bcb480e91ff40-250x250.png",
  documentationUrl: "https://docs.prefect.io/integrations/prefect-aws",
  codeExample: `\`\`\`typescript
import { ListBucketsCommand } from "@aws-sdk/client-s3";
import { MinIOCredentials } from "ashlar/blocks/minio-credentials";

const credentials = await MinIOCredentials.load("BLOCK_NAME");

// A client of @aws-sdk/client-s3 (npm install @aws-sdk/client-s3)
const s3 = await credentials.client();
const { Buckets } = await s3.send(new ListBucketsCommand());
\`\`\``,
  fields: {
    minioRootUser: z.string().describe("Admin or root user."),
    minioRootPassword: secret().describe("Admin or root password."),
    regionName: z.string().optional().describe("The AWS Region where you want to create new connections."),
    awsClientParameters: AwsClientParameters.prefault({}).describe("Extra parameters to initialize the Client."),
  },
  check: ({ awsClientParameters }, refuse) => checkEndpoint(awsClientParameters, refuse),
}) {
  /**
   * A client of the server, which names buckets in the path; nothing is sent until it is used. The region is `us-east-1` where none is given, as
   * servers of their own have it.
   *
   * @param options what is wanted otherwise, as `@aws-sdk/client-s3` has it.
   * @throws AshlarError `ERR_INVALID` when `awsClientParameters` names no server, `ERR_UNSUPPORTED`, `ERR_MISSING_PACKAGE`
   */
  async client(options: S3ClientConfig = {}): Promise<S3Client> {
    const { minioRootUser: accessKeyId, minioRootPassword, regionName, awsClientParameters } = this;
    if (!awsClientParameters.endpoint_url)
      throw new AshlarError(
        "ERR_INVALID",
        'It is not said where the server is: give awsClientParameters an endpoint_url, such as { endpoint_url: "https://minio.example:9000" }.',
        { path: "awsClientParameters" },
      );
    return openS3(awsClientParameters, {
      ...clientOptions(awsClientParameters),
      region: regionName || "us-east-1",
      // A function: an object would show the password wherever the options are logged.
      credentials: async () => ({ accessKeyId, secretAccessKey: minioRootPassword.reveal() }),
      ...options,
    });
  }
}
