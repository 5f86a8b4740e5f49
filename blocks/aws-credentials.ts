/**
 * Credentials of AWS, as in prefect-aws. Imports public names only; the AWS SDK when a client is made.
 * @module
 */
import type { S3Client, S3ClientConfig } from "@aws-sdk/client-s3";
import { AshlarError, Block, secret } from "ashlar";
import { type AwsClientOptions, AwsClientParameters, checkEndpoint, clientOptions, openS3 } from "ashlar/blocks/aws-client";
import { z } from "zod";

const byName = () => z.array(z.record(z.string(), z.string()));

/** The model of this name in prefect-aws; keys as documents and AWS have them. */
const AssumeRoleParameters = z
  .strictObject({
    RoleSessionName: z.string().optional().meta({
      title: "Role Session Name",
      description: "An identifier for the assumed role session. If not provided, a default will be generated.",
    }),
    DurationSeconds: z.int().optional().meta({
      title: "Duration Seconds",
      description:
        "The duration, in seconds, of the role session. The value can range from 900 seconds (15 minutes) to 43,200 seconds (12 hours).",
    }),
    Policy: z
      .string()
      .optional()
      .meta({ title: "Policy", description: "An IAM policy in JSON format that you want to use as an inline session policy." }),
    PolicyArns: byName().optional().meta({
      title: "Policy ARNs",
      description: "The ARNs of the IAM managed policies to use as managed session policies. Each item should be a dict with an 'arn' key.",
    }),
    Tags: byName()
      .optional()
      .meta({ title: "Tags", description: "A list of session tags. Each tag should be a dict with 'Key' and 'Value' keys." }),
    TransitiveTagKeys: z.array(z.string()).optional().meta({
      title: "Transitive Tag Keys",
      description: "A list of keys for session tags that you want to set as transitive. Transitive tags persist during role chaining.",
    }),
    ExternalId: z.string().optional().meta({
      title: "External ID",
      description: "A unique identifier that is used by third parties to assume a role in their customers' accounts.",
    }),
    SerialNumber: z.string().optional().meta({
      title: "Serial Number",
      description: "The identification number of the MFA device that is associated with the user who is making the AssumeRole call.",
    }),
    TokenCode: z
      .string()
      .optional()
      .meta({ title: "Token Code", description: "The value provided by the MFA device, if MFA authentication is required." }),
    SourceIdentity: z.string().optional().meta({
      title: "Source Identity",
      description: "The source identity specified by the principal that is calling the AssumeRole operation.",
    }),
    ProvidedContexts: byName().optional().meta({
      title: "Provided Contexts",
      description: "A list of context information. Each context should be a dict with 'ProviderArn' and 'ContextAssertion' keys.",
    }),
  })
  .meta({
    id: "AssumeRoleParameters",
    description: `Model used to manage parameters for the AWS STS assume_role call.
Refer to the
[boto3 STS assume_role docs](https://boto3.amazonaws.com/v1/documentation/api/latest/reference/services/sts/client/assume_role.html)
for more information about the possible assume role configurations.

Attributes:
    RoleSessionName: An identifier for the assumed role session.
        This value is used to uniquely identify a session when the same role
        is assumed by different principals or for different reasons.
        If not provided, a default will be generated.
    DurationSeconds: The duration, in seconds, of the role session.
        The value can range from 900 seconds (15 minutes) to 43,200 seconds (12 hours).
    Policy: An IAM policy in JSON format that you want to use as an inline session policy.
    PolicyArns: The ARNs of the IAM managed policies to use as managed session policies.
        Each item should be a dict with an 'arn' key.
    Tags: A list of session tags. Each tag should be a dict with 'Key' and 'Value' keys.
    TransitiveTagKeys: A list of keys for session tags that you want to set as transitive.
        Transitive tags persist during role chaining.
    ExternalId: A unique identifier that is used by third parties to assume a role
        in their customers' accounts.
    SerialNumber: The identification number of the MFA device that is associated
        with the user who is making the AssumeRole call.
    TokenCode: The value provided by the MFA device, if MFA authentication is required.
    SourceIdentity: The source identity specified by the principal that is calling
        the AssumeRole operation.
    ProvidedContexts: A list of context information. Each context should be a dict
        with 'ProviderArn' and 'ContextAssertion' keys.`,
  });

/**
 * Credentials of AWS: an access key (with a session token, where it is a temporary one), a profile of the shared configuration, or with neither of
 * them what the SDK finds by itself.
 */
export class AwsCredentials extends Block.define({
  name: "AWS Credentials",
  title: "AwsCredentials",
  description: `Block used to manage authentication with AWS. AWS authentication is
handled via the \`boto3\` module. Refer to the
[boto3 docs](https://boto3.amazonaws.com/v1/documentation/api/latest/guide/credentials.html)
for more info about the possible credential configurations.`,
  logoUrl: "https://cdn.sanity.io/images/3ugk85nk/production/d74b16fe84ce626345adf235a47008fea2869a60-225x225.png",
  documentationUrl: "https://docs.prefect.io/integrations/prefect-aws",
  codeExample: `\`\`\`typescript
import { ListBucketsCommand } from "@aws-sdk/client-s3";
import { AwsCredentials } from "ashlar/blocks/aws-credentials";

const credentials = await AwsCredentials.load("BLOCK_NAME");

// A client of @aws-sdk/client-s3 (npm install @aws-sdk/client-s3)
const s3 = await credentials.client();
const { Buckets } = await s3.send(new ListBucketsCommand());

// Any other client of the SDK: new SecretsManagerClient(options)
const options = credentials.clientOptions();
\`\`\``,
  fields: {
    awsAccessKeyId: z.string().optional().meta({ title: "AWS Access Key ID", description: "A specific AWS access key ID." }),
    awsSecretAccessKey: secret().optional().meta({ title: "AWS Access Key Secret", description: "A specific AWS secret access key." }),
    // Python's class holds it in clear. Here it is hidden, and the schema does not say so: its checksum would be another.
    awsSessionToken: secret().meta({ format: undefined, writeOnly: undefined }).optional().meta({
      title: "AWS Session Token",
      description: "The session key for your AWS account. This is only needed when you are using temporary credentials.",
    }),
    profileName: z.string().optional().describe("The profile to use when creating your session."),
    regionName: z.string().optional().describe("The AWS Region where you want to create new connections."),
    awsClientParameters: AwsClientParameters.prefault({}).meta({
      title: "AWS Client Parameters",
      description: "Extra parameters to initialize the Client.",
    }),
    assumeRoleArn: z.string().optional().meta({ title: "Assume Role ARN", description: "The ARN of the IAM role to assume." }),
    assumeRoleKwargs: AssumeRoleParameters.prefault({}).meta({
      title: "Assume Role Parameters",
      description: "Additional parameters for the assume_role call.",
    }),
  },
  check({ awsAccessKeyId, awsSecretAccessKey, awsSessionToken, awsClientParameters }, refuse) {
    checkEndpoint(awsClientParameters, refuse);
    // An empty text counts as not given: forms send it for what was left out.
    const [hasId, hasKey, hasToken] = [Boolean(awsAccessKeyId), Boolean(awsSecretAccessKey?.reveal()), Boolean(awsSessionToken?.reveal())];
    if (hasId === hasKey && (hasId || !hasToken)) return;
    for (const [given, field] of [[hasId, "awsAccessKeyId"] as const, [hasKey, "awsSecretAccessKey"] as const])
      if (!given) refuse("is missing; an access key is awsAccessKeyId and awsSecretAccessKey together", field);
  },
}) {
  /**
   * Options for a client of any AWS service: `new SecretsManagerClient(credentials.clientOptions())`. The key inside is a function that gives it to
   * the SDK, so that the options can be logged.
   *
   * @throws AshlarError `ERR_UNSUPPORTED` for a role to assume, and for settings of boto3 that the SDK for JavaScript has nothing for;
   * `ERR_INVALID` for a bundle of certificates that cannot be read.
   */
  clientOptions(): AwsClientOptions {
    const { awsAccessKeyId: accessKeyId, awsSecretAccessKey, awsSessionToken, profileName, regionName, assumeRoleArn } = this;
    if (assumeRoleArn)
      throw new AshlarError(
        "ERR_UNSUPPORTED",
        "A role is not assumed here: take assumeRoleArn away, and name by profileName a profile that has it as its role_arn, which the AWS SDK assumes itself.",
        { path: "assumeRoleArn" },
      );
    const sessionToken = awsSessionToken?.reveal();
    return {
      ...clientOptions(this.awsClientParameters),
      ...(regionName && { region: regionName }),
      ...(profileName && { profile: profileName }),
      ...(accessKeyId &&
        awsSecretAccessKey && {
          credentials: async () => ({ accessKeyId, secretAccessKey: awsSecretAccessKey.reveal(), ...(sessionToken && { sessionToken }) }),
        }),
    };
  }

  /**
   * A client of S3; nothing is sent until it is used.
   *
   * @param options what is wanted otherwise, as `@aws-sdk/client-s3` has it.
   * @throws AshlarError as {@link AwsCredentials.clientOptions}, and `ERR_MISSING_PACKAGE`
   */
  async client(options: S3ClientConfig = {}): Promise<S3Client> {
    return openS3(this.awsClientParameters, { ...this.clientOptions(), ...options });
  }
}
