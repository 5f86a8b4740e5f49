/**
 * One filled-in instance of every shipped block, with a canary in every secret. What a new file in blocks/ lacks here, the standards report.
 * @module
 */
import type { AnyBlock } from "ashlar";
import { AwsCredentials } from "ashlar/blocks/aws-credentials";
import { Azure } from "ashlar/blocks/azure";
import { AzureBlobStorageContainer } from "ashlar/blocks/azure-blob-storage-container";
import { AzureBlobStorageCredentials } from "ashlar/blocks/azure-blob-storage-credentials";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { AzureCosmosDbCredentials } from "ashlar/blocks/azure-cosmos-db-credentials";
import { DatabricksConnectCluster } from "ashlar/blocks/databricks-connect-cluster";
import { DatabricksCredentials } from "ashlar/blocks/databricks-credentials";
import { IcebergAzureHadoop } from "ashlar/blocks/iceberg-azure-hadoop";
import { MinIOCredentials } from "ashlar/blocks/minio-credentials";
import { S3Bucket } from "ashlar/blocks/s3-bucket";
import { SecretBlock } from "ashlar/blocks/secret";
import { SlackWebhook } from "ashlar/blocks/slack-webhook";
import { Webhook } from "ashlar/blocks/webhook";

/** Stands in every secret of the samples; base64, so that it can be part of an account key. */
export const CANARY = "Canary7xQ2LeakedSecret00";

/** An account key with the canary in it. */
export const KEY = `${CANARY}${"A".repeat(62)}==`;

const azure = new Azure({
  bucketPath: "mta-demo/stage",
  azureStorageAccountName: "mtademo",
  azureStorageAccountKey: KEY,
  azureStorageTenantId: CANARY,
  azureStorageClientId: CANARY,
  azureStorageClientSecret: CANARY,
  azureStorageContainer: CANARY,
  azureStorageConnectionString: `AccountName=mtademo;AccountKey=${KEY};EndpointSuffix=core.windows.net`,
});
const container = new AzureContainer({ container: "mta-demo", credentials: azure });
const databricks = new DatabricksCredentials({
  databricksInstance: "dbc-abc123-def4.cloud.databricks.com",
  token: CANARY,
  tenantId: "tenant",
  clientKwargs: { timeout: 30, headers: { accept: ["application/json"] } },
});
const aws = new AwsCredentials({
  awsAccessKeyId: "AKIDEXAMPLE",
  awsSecretAccessKey: CANARY,
  awsSessionToken: CANARY,
  profileName: "mta",
  regionName: "eu-central-1",
  awsClientParameters: { verify: false, config: { retries: { max_attempts: 0 }, s3: { addressing_style: "virtual" } } },
});
const minio = new MinIOCredentials({
  minioRootUser: "root",
  minioRootPassword: CANARY,
  awsClientParameters: { endpoint_url: "http://127.0.0.1:9000" },
});

/** By file name in blocks/. */
export const samples: Readonly<Record<string, AnyBlock>> = {
  secret: new SecretBlock({ value: { user: CANARY, list: [CANARY, 1, null] } }),
  webhook: new Webhook({
    url: `https://user:${CANARY}@hooks.example/${CANARY}?token=${CANARY}`,
    headers: { authorization: `Bearer ${CANARY}`, "x-mta": "1" },
    method: "PUT",
    allowPrivateUrls: false,
    verify: false,
  }),
  "slack-webhook": new SlackWebhook({ url: `https://hooks.slack.com/services/T0/B0/${CANARY}`, notifyType: "failure" }),
  "azure-blob-storage-credentials": new AzureBlobStorageCredentials({
    accountUrl: "https://mtademo.blob.core.windows.net",
    tenantId: "tenant",
    clientId: "client",
    clientSecret: CANARY,
  }),
  "azure-blob-storage-container": new AzureBlobStorageContainer({
    containerName: "mta-demo",
    credentials: { connectionString: `AccountName=mtademo;AccountKey=${KEY};EndpointSuffix=core.windows.net` },
    baseFolder: "stage",
  }),
  "azure-cosmos-db-credentials": new AzureCosmosDbCredentials({
    connectionString: `AccountEndpoint=https://mtademo.documents.azure.com:443/;AccountKey=${KEY};`,
  }),
  "aws-credentials": aws,
  "minio-credentials": minio,
  "s3-bucket": new S3Bucket({ bucketName: "mta-demo", credentials: minio, bucketFolder: "stage" }),
  azure,
  "azure-container": container,
  "iceberg-azure-hadoop": new IcebergAzureHadoop({ catalogName: "mta", warehouseLocation: "warehouse", container }),
  "databricks-credentials": databricks,
  "databricks-connect-cluster": new DatabricksConnectCluster({ clusterId: "0611-211525-abc", credentials: databricks }),
};
