/** What Spark and Databricks Connect get from a `DatabricksConnectCluster`. */
import { inspect } from "node:util";
import { Block, Secret, secret } from "ashlar";
import { DatabricksConnectCluster } from "ashlar/blocks/databricks-connect-cluster";
import { revealConfigs } from "ashlar/blocks/spark-configs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { CANARY } from "./samples.ts";

const cluster = (databricksInstance: string, token: string | undefined = CANARY, clusterId = "0611-211525-abc") =>
  new DatabricksConnectCluster({ clusterId, credentials: { databricksInstance, token } });

describe("sparkConfigs", () => {
  it("gives the three settings, the token hidden until it is handed over", () => {
    const configs = cluster("dbc.cloud.databricks.com").sparkConfigs();
    expect(inspect(configs, { showHidden: true }) + JSON.stringify(configs)).not.toContain(CANARY);
    expect(configs["spark.databricks.service.token"]).toBeInstanceOf(Secret);
    expect(revealConfigs(configs)).toEqual({
      "spark.databricks.service.address": "https://dbc.cloud.databricks.com",
      "spark.databricks.service.token": CANARY,
      "spark.databricks.service.clusterId": "0611-211525-abc",
    });
  });

  it("needs a token", () => {
    const credentials = { databricksInstance: "dbc.cloud.databricks.com", clientId: "id", clientSecret: CANARY };
    const byPrincipal = new DatabricksConnectCluster({ clusterId: "c", credentials });
    expect(() => byPrincipal.sparkConfigs()).toThrow(/needs a personal access token/);
    expect(() => byPrincipal.connectUrl()).toThrow(/needs a personal access token/);
  });
});

describe("connectUrl", () => {
  it("is secret as a whole, every part percent-encoded", () => {
    const url = cluster("https://dbc.cloud.databricks.com/", "a;b=c/ü", "x;token=y").connectUrl();
    expect(String(url)).toBe("********");
    expect(url.reveal()).toBe(
      "sc://dbc.cloud.databricks.com:443/;use_ssl=true;token=a%3Bb%3Dc%2F%C3%BC;x-databricks-cluster-id=x%3Btoken%3Dy",
    );
  });

  it("keeps a port that the instance names", () => {
    expect(cluster("dbc.example:8443").connectUrl().reveal()).toMatch(/^sc:\/\/dbc\.example:8443\/;/);
  });

  it.each([
    "",
    "http://dbc.example",
    `https://u:${CANARY}@dbc.example`,
    `dbc.example/?o=${CANARY}`,
    "dbc.example/path",
    "a b",
    "dbc.example#x",
  ])("refuses an instance that is no host (%#)", (instance) => {
    for (const run of [() => cluster(instance).connectUrl(), () => cluster(instance).sparkConfigs()]) {
      expect(run).toThrow(/databricksInstance is no host/);
      expect(run).not.toThrow(CANARY);
    }
  });
});

describe("the variant of the blog, with an older class of credentials", () => {
  class DatabricksCredentials extends Block.define({
    name: "Databricks Credentials",
    description: "Block used to manage Databricks authentication.",
    fields: {
      databricksInstance: z.string().describe("Databricks instance used in formatting the endpoint URL."),
      token: secret().describe("The token to authenticate with Databricks."),
      clientKwargs: z.record(z.string(), z.unknown()).optional().describe("Additional keyword arguments to pass to AsyncClient."),
    },
  }) {}
  class BlogCluster extends DatabricksConnectCluster.extend({ fields: { credentials: DatabricksCredentials } }) {}

  it("has the checksums of the Python classes", () => {
    expect(DatabricksCredentials.checksum).toBe("sha256:ef6df64fbc763d2e01711f19d34c872320a2db5523ebb04e3ddee4f9009edfd4");
    expect(BlogCluster.checksum).toBe("sha256:d59104abb239a81546a4ef294b295f6364a2d1253ad90f00dff47e16bfc82c40");
  });

  it("gives the same settings", () => {
    const credentials = { databricksInstance: "dbc.example", token: CANARY };
    const theirs = new BlogCluster({ clusterId: "c", credentials });
    expect(revealConfigs(theirs.sparkConfigs())).toEqual(
      revealConfigs(new DatabricksConnectCluster({ clusterId: "c", credentials }).sparkConfigs()),
    );
  });
});
