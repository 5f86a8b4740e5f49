/** What Spark gets from an `IcebergAzureHadoop`. */
import { inspect } from "node:util";
import { Secret } from "ashlar";
import { AzureBlobStorageCredentials } from "ashlar/blocks/azure-blob-storage-credentials";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { IcebergAzureHadoop } from "ashlar/blocks/iceberg-azure-hadoop";
import { revealConfigs } from "ashlar/blocks/spark-configs";
import { describe, expect, it } from "vitest";
import { CANARY, KEY } from "./samples.ts";

type Credentials = ConstructorParameters<typeof AzureContainer>[0]["credentials"];
const account = { bucketPath: "b", azureStorageAccountName: "mtademo" };
const iceberg = (credentials: Credentials, fields: { catalogName?: string; warehouseLocation?: string } = {}) =>
  new IcebergAzureHadoop({
    catalogName: "mta",
    warehouseLocation: "warehouse",
    ...fields,
    container: { container: "mta-demo", credentials },
  });
const byKey = { ...account, azureStorageAccountKey: KEY };

const catalog = {
  "spark.sql.catalog.mta": "org.apache.iceberg.spark.SparkCatalog",
  "spark.sql.catalog.mta.type": "hadoop",
  "spark.sql.catalog.mta.warehouse": "abfss://mta-demo@mtademo.dfs.core.windows.net/warehouse",
};

describe("sparkConfigs", () => {
  it("gives the catalog and the account's key, hidden until it is handed over", () => {
    const configs = iceberg(byKey).sparkConfigs();
    expect(inspect(configs, { showHidden: true }) + JSON.stringify(configs)).not.toContain(CANARY);
    expect(configs["fs.azure.account.key.mtademo.dfs.core.windows.net"]).toBeInstanceOf(Secret);
    expect(revealConfigs(configs)).toEqual({ ...catalog, "fs.azure.account.key.mtademo.dfs.core.windows.net": KEY });
  });

  it("marks Hadoop's settings for spark-submit", () => {
    expect(revealConfigs(iceberg(byKey).sparkConfigs({ target: "submit" }))).toEqual({
      ...catalog,
      "spark.hadoop.fs.azure.account.key.mtademo.dfs.core.windows.net": KEY,
    });
  });

  it("gives a shared access signature", () => {
    const azureStorageConnectionString = `AccountName=mtademo;SharedAccessSignature=?sv=1&sig=${CANARY}`;
    const configs = iceberg({ bucketPath: "b", azureStorageConnectionString }).sparkConfigs();
    expect(inspect(configs)).not.toContain(CANARY);
    expect(revealConfigs(configs)).toEqual({
      ...catalog,
      "fs.azure.account.auth.type.mtademo.dfs.core.windows.net": "SAS",
      "fs.azure.sas.token.provider.type.mtademo.dfs.core.windows.net": "org.apache.hadoop.fs.azurebfs.sas.FixedSASTokenProvider",
      "fs.azure.sas.fixed.token.mtademo.dfs.core.windows.net": `sv=1&sig=${CANARY}`,
    });
  });

  it("gives a service principal", () => {
    const principal = { azureStorageTenantId: "a/b", azureStorageClientId: `id-${CANARY}`, azureStorageClientSecret: CANARY };
    const configs = iceberg({ ...account, ...principal }).sparkConfigs();
    expect(inspect(configs)).not.toContain(CANARY);
    expect(revealConfigs(configs)).toEqual({
      ...catalog,
      "fs.azure.account.auth.type.mtademo.dfs.core.windows.net": "OAuth",
      "fs.azure.account.oauth.provider.type.mtademo.dfs.core.windows.net": "org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider",
      "fs.azure.account.oauth2.client.id.mtademo.dfs.core.windows.net": `id-${CANARY}`,
      "fs.azure.account.oauth2.client.secret.mtademo.dfs.core.windows.net": CANARY,
      "fs.azure.account.oauth2.client.endpoint.mtademo.dfs.core.windows.net": "https://login.microsoftonline.com/a%2Fb/oauth2/token",
    });
  });

  it("refuses credentials that Spark cannot use", () => {
    for (const azureStorageAnon of [true, false])
      expect(() => iceberg({ ...account, azureStorageAnon }).sparkConfigs()).toThrow(/credentials hold none of them/);
  });

  it("refuses a catalog's name that Spark refuses", () => {
    for (const catalogName of ["", "a.b"]) expect(() => iceberg(byKey, { catalogName }).sparkConfigs()).toThrow(/change catalogName/);
  });

  it("names the warehouse as Hadoop reads it, not encoded", () => {
    const configs = iceberg(byKey, { warehouseLocation: "/my warehouse/100%/" }).sparkConfigs();
    expect(configs["spark.sql.catalog.mta.warehouse"]).toBe("abfss://mta-demo@mtademo.dfs.core.windows.net/my warehouse/100%/");
    expect(() => iceberg(byKey, { warehouseLocation: "../x" }).sparkConfigs()).toThrow(/"\." and "\.\."/);
  });
});

describe("tableName", () => {
  it.each([
    ["mta", { table: "bnt_traffic_hourly", zone: "bronze" }, "mta.bronze.bnt_traffic_hourly"],
    ["mta", { table: "t" }, "mta.t"],
    ["my-catalog", { table: "2024", zone: "a.b" }, "`my-catalog`.`a.b`.`2024`"],
    ["mta", { table: "a`; DROP TABLE x; --", zone: "Bronze_1" }, "mta.Bronze_1.`a``; DROP TABLE x; --`"],
  ])("quotes only where it must (%#)", (catalogName, table, expected) => {
    expect(iceberg(byKey, { catalogName }).tableName(table)).toBe(expected);
  });

  it("refuses an empty part", () => {
    expect(() => iceberg(byKey).tableName({ table: "" })).toThrow(/needs a table that is not empty/);
    expect(() => iceberg(byKey).tableName({ table: "t", zone: "" })).toThrow(/needs a zone/);
  });
});

it("has a variant over AzureBlobStorageCredentials, with the checksums of the Python classes", () => {
  class Container extends AzureContainer.extend({ fields: { credentials: AzureBlobStorageCredentials } }) {}
  class Iceberg extends IcebergAzureHadoop.extend({ fields: { container: Container } }) {}
  expect(Container.checksum).toBe("sha256:a9671a8c10d44ae13682db415ae83c9d19d56df4b08fbe2dbe09bfcf842981cb");
  expect(Iceberg.checksum).toBe("sha256:bf26dd751dd624a64777356ea61f579bcdb523ebb3cab278ed4ebefc6bce929d");
  const credentials = { connectionString: `AccountName=mtademo;AccountKey=${KEY}` };
  const block = new Iceberg({ catalogName: "mta", warehouseLocation: "warehouse", container: { container: "mta-demo", credentials } });
  expect(revealConfigs(block.sparkConfigs())).toEqual(revealConfigs(iceberg(byKey).sparkConfigs()));
});
