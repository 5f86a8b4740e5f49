/**
 * An Iceberg catalog of Hadoop's kind in a container of Azure Blob Storage. Imports public names only.
 * @module
 */
import { AshlarError, Block, Secret } from "ashlar";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { type AzureStorageAccount, hadoopHost, signInHost } from "ashlar/blocks/azure-storage-account";
import type { SparkConfigs } from "ashlar/blocks/spark-configs";
import { z } from "zod";

/** What {@link IcebergAzureHadoop.sparkConfigs} takes. */
export interface IcebergSparkOptions {
  /**
   * Where the settings go. `"session"` (default): a Spark session, also by Spark Connect and Databricks Connect. `"submit"`: `spark-submit --conf`
   * and `spark-defaults.conf`, which drop Hadoop's settings unless they begin with `spark.hadoop.`.
   */
  readonly target?: "session" | "submit" | undefined;
}

/** What {@link IcebergAzureHadoop.tableName} takes; neither is quoted yet. */
export interface IcebergTable {
  readonly table: string;
  /** The namespace, such as `bronze`. Default: none, the table lies directly in the catalog. */
  readonly zone?: string | undefined;
}

/** An Iceberg catalog whose tables lie in a folder of an Azure container, and what Spark needs to know of it. */
export class IcebergAzureHadoop extends Block.define({
  name: "IcebergAzureHadoop",
  title: "IcebergAzureHadoop",
  codeExample: `\`\`\`typescript
import { IcebergAzureHadoop } from "ashlar/blocks/iceberg-azure-hadoop";
import { revealConfigs } from "ashlar/blocks/spark-configs";

const iceberg = await IcebergAzureHadoop.load("BLOCK_NAME");

const query = \`SELECT count(*) FROM \${iceberg.tableName({ zone: "bronze", table: "traffic" })}\`;

// Settings of the Spark session, secrets in clear
const settings = revealConfigs(iceberg.sparkConfigs());
\`\`\``,
  fields: { catalogName: z.string(), warehouseLocation: z.string(), container: AzureContainer },
}) {
  /**
   * The settings by which Spark finds the catalog and gets into its storage account, by account key, shared access signature or service
   * principal; secrets stay `Secret`, see `revealConfigs` of `ashlar/blocks/spark-configs`.
   *
   * Spark itself shows an account key to whoever may see its settings: set `spark.redaction.regex` to
   * `(?i)secret|password|token|access[.]?key|account[.]key` there. On a long-lived cluster the first key used for a container stays in use,
   * unless `fs.abfss.impl.disable.cache` is `true`.
   * @throws AshlarError `ERR_INVALID` when the credentials hold none of these, and for a catalog's name that Spark refuses.
   */
  sparkConfigs({ target = "session" }: IcebergSparkOptions = {}): SparkConfigs {
    const name = this.catalogName;
    if (name === "" || name.includes("."))
      throw new AshlarError("ERR_INVALID", "Spark takes no catalog whose name is empty or has a dot: change catalogName.", {
        path: "catalogName",
      });
    const catalog = `spark.sql.catalog.${name}`;
    const prefix = target === "submit" ? "spark.hadoop." : "";
    const access = Object.entries(hadoopAccess(this.container.storageAccount())).map(([key, value]) => [`${prefix}${key}`, value] as const);
    return {
      ...Object.fromEntries(access),
      [catalog]: "org.apache.iceberg.spark.SparkCatalog",
      [`${catalog}.type`]: "hadoop",
      // Hadoop takes a path as it is: what is encoded here would name another folder there.
      [`${catalog}.warehouse`]: decodeURIComponent(this.container.url({ path: this.warehouseLocation })),
    };
  }

  /**
   * A table's full name for Spark SQL, `catalog.zone.table`; parts that are no plain identifiers stand in backticks.
   * @throws AshlarError `ERR_INVALID` for an empty part.
   */
  tableName({ table, zone }: IcebergTable): string {
    const parts = zone === undefined ? { catalogName: this.catalogName, table } : { catalogName: this.catalogName, zone, table };
    return Object.entries(parts)
      .map(([what, part]) => {
        if (part === "") throw new AshlarError("ERR_INVALID", `A table's name needs a ${what} that is not empty.`, { path: what });
        return /^[a-z_][a-z0-9_]*$/i.test(part) ? part : `\`${part.replaceAll("`", "``")}\``;
      })
      .join(".");
  }
}

/** Settings of Hadoop's abfss driver. https://hadoop.apache.org/docs/stable/hadoop-azure/abfs.html#Authentication */
function hadoopAccess(account: AzureStorageAccount): SparkConfigs {
  const { access } = account;
  const host = hadoopHost(account, "dfs");
  switch (access.kind) {
    case "key":
      return { [`fs.azure.account.key.${host}`]: access.key };
    case "sas":
      return {
        [`fs.azure.account.auth.type.${host}`]: "SAS",
        [`fs.azure.sas.token.provider.type.${host}`]: "org.apache.hadoop.fs.azurebfs.sas.FixedSASTokenProvider",
        [`fs.azure.sas.fixed.token.${host}`]: access.sas,
      };
    case "servicePrincipal":
      return {
        [`fs.azure.account.auth.type.${host}`]: "OAuth",
        [`fs.azure.account.oauth.provider.type.${host}`]: "org.apache.hadoop.fs.azurebfs.oauth2.ClientCredsTokenProvider",
        [`fs.azure.account.oauth2.client.id.${host}`]: new Secret(access.clientId),
        [`fs.azure.account.oauth2.client.secret.${host}`]: access.clientSecret,
        [`fs.azure.account.oauth2.client.endpoint.${host}`]: new Secret(
          `${signInHost(account)}/${encodeURIComponent(access.tenantId)}/oauth2/token`,
        ),
      };
    default:
      throw new AshlarError(
        "ERR_INVALID",
        "Spark needs an account key, a shared access signature or a service principal to get into the storage account; the container's credentials hold none of them.",
        { path: "container.credentials" },
      );
  }
}
