/**
 * One filled-in instance of every shipped block, with a canary in every secret. What a new file in blocks/ lacks here, the standards report.
 * @module
 */
import type { AnyBlock } from "ashlar";
import { Azure } from "ashlar/blocks/azure";
import { AzureBlobStorageCredentials } from "ashlar/blocks/azure-blob-storage-credentials";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { DatabricksConnectCluster } from "ashlar/blocks/databricks-connect-cluster";
import { DatabricksCredentials } from "ashlar/blocks/databricks-credentials";
import { IcebergAzureHadoop } from "ashlar/blocks/iceberg-azure-hadoop";
import { SecretBlock } from "ashlar/blocks/secret";

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

/** By file name in blocks/. */
export const samples: Readonly<Record<string, AnyBlock>> = {
  secret: new SecretBlock({ value: { user: CANARY, list: [CANARY, 1, null] } }),
  "azure-blob-storage-credentials": new AzureBlobStorageCredentials({
    accountUrl: "https://mtademo.blob.core.windows.net",
    tenantId: "tenant",
    clientId: "client",
    clientSecret: CANARY,
  }),
  azure,
  "azure-container": container,
  "iceberg-azure-hadoop": new IcebergAzureHadoop({ catalogName: "mta", warehouseLocation: "warehouse", container }),
  "databricks-credentials": databricks,
  "databricks-connect-cluster": new DatabricksConnectCluster({ clusterId: "0611-211525-abc", credentials: databricks }),
};
