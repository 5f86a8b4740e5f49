/**
 * A Databricks cluster that Spark programs connect to. Imports public names only.
 * @module
 */
import { AshlarError, Block, Secret } from "ashlar";
import { DatabricksCredentials } from "ashlar/blocks/databricks-credentials";
import type { SparkConfigs } from "ashlar/blocks/spark-configs";
import { z } from "zod";

/**
 * A Databricks cluster and the credentials to reach it. {@link DatabricksConnectCluster.connectUrl} is what Databricks Connect 13 and later
 * takes, {@link DatabricksConnectCluster.sparkConfigs} what earlier ones take.
 */
export class DatabricksConnectCluster extends Block.define({
  name: "DatabricksConnectCluster",
  title: "DatabricksConnectCluster",
  codeExample: `\`\`\`typescript
import { DatabricksConnectCluster } from "ashlar/blocks/databricks-connect-cluster";
import { revealConfigs } from "ashlar/blocks/spark-configs";

const cluster = await DatabricksConnectCluster.load("BLOCK_NAME");

// Databricks Connect 13 and later, and any other Spark Connect client
const remote = cluster.connectUrl().reveal();

// Databricks Connect 12 and earlier: settings of the Spark session
const settings = revealConfigs(cluster.sparkConfigs());
\`\`\``,
  fields: { clusterId: z.string(), credentials: DatabricksCredentials },
}) {
  /**
   * The settings by which a session of Databricks Connect 12 or earlier finds the cluster; the token stays a `Secret`, see `revealConfigs` of
   * `ashlar/blocks/spark-configs`.
   * @throws AshlarError `ERR_INVALID` when the credentials hold no token, or the instance is no host.
   */
  sparkConfigs(): SparkConfigs {
    return {
      "spark.databricks.service.address": `https://${this.#host()}`,
      "spark.databricks.service.token": new Secret(this.#token()),
      "spark.databricks.service.clusterId": this.clusterId,
    };
  }

  /**
   * The URL that Databricks Connect 13 and later, and any Spark Connect client, takes: `sc://HOST:443/;use_ssl=true;token=…;…`. Secret as a
   * whole, since the token is part of it.
   * @throws AshlarError `ERR_INVALID` when the credentials hold no token, or the instance is no host.
   */
  connectUrl(): Secret<string> {
    const host = this.#host();
    const authority = /:\d+$/.test(host) ? host : `${host}:443`;
    const [token, cluster] = [encodeURIComponent(this.#token()), encodeURIComponent(this.clusterId)];
    return new Secret(`sc://${authority}/;use_ssl=true;token=${token};x-databricks-cluster-id=${cluster}`);
  }

  #token(): string {
    const token = this.credentials.token?.reveal();
    if (token) return token;
    throw new AshlarError(
      "ERR_INVALID",
      "Databricks Connect needs a personal access token, and these credentials hold a service principal: give credentials with a token.",
      { path: "credentials.token" },
    );
  }

  /** The instance's host, with its port if it names one; a pasted `https://…/` counts too. */
  #host(): string {
    const { databricksInstance } = this.credentials;
    const url = URL.parse(databricksInstance.includes("://") ? databricksInstance : `https://${databricksInstance}`);
    const plain = url?.protocol === "https:" && url.href === `https://${url.host}/`;
    if (url && plain) return url.host;
    throw new AshlarError(
      "ERR_INVALID",
      "credentials.databricksInstance is no host such as dbc-abc123-def4.cloud.databricks.com: give the workspace's address without path or query.",
      { path: "credentials.databricksInstance" },
    );
  }
}
