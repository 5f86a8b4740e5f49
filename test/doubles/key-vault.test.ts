/** Our double of Key Vault, asked by the real client: what stands in Microsoft's documentation and in public reports of what the service answers. */

import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { get } from "node:https";
import { text } from "node:stream/consumers";
import { SecretClient } from "@azure/keyvault-secrets";
import { describe, expect, it } from "vitest";
import { azureCode, statusOf } from "../../src/azure.ts";
import { CERTIFICATE, type DoubleOptions, openedDouble } from "./key-vault.ts";

async function start(options?: DoubleOptions) {
  const double = await openedDouble(options);
  return { double, client: double.client() };
}

/** Status and code of a refusal, as the client throws it. */
async function refused(call: Promise<unknown>): Promise<[number | undefined, string]> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error === undefined) throw new Error("it was not refused");
  return [statusOf(error), azureCode(error)];
}

async function gather<T>(items: AsyncIterable<T>): Promise<T[]> {
  return Array.fromAsync(items);
}

/** Asks without the client. */
function ask(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number | undefined; challenge: string | undefined; text: string }> {
  return new Promise((done, failed) => {
    const answered = async (response: IncomingMessage) =>
      done({ status: response.statusCode, challenge: response.headers["www-authenticate"], text: await text(response) });
    get(url, { ca: readFileSync(CERTIFICATE), agent: false, headers }, (response) => void answered(response)).on("error", failed);
  });
}

describe("the double of Key Vault", () => {
  it("says that it is one, over TLS only", async () => {
    const { double } = await start();
    expect((await ask(double.url, { authorization: "Bearer any" })).text).toContain("a double of Azure Key Vault");
    const trusting = new SecretClient(
      double.url,
      { getToken: async () => null },
      { disableChallengeResourceVerification: true, retryOptions: { maxRetries: 0 } },
    );
    await expect(trusting.getSecret("a")).rejects.toMatchObject({ code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
  });

  it("asks for a token by a challenge, which the client answers only for a host of Azure's unless told otherwise", async () => {
    const { double } = await start();
    expect(await ask(`${double.url}/secrets/a?api-version=7.6`)).toMatchObject({
      status: 401,
      challenge: 'Bearer authorization="https://login.microsoftonline.com/double", resource="https://vault.azure.net"',
    });
    const careful = double.client(double.url, { disableChallengeResourceVerification: false });
    await expect(careful.getSecret("a")).rejects.toThrow(/challenge resource 'vault.azure.net' does not match/);
    expect(double.asked).toEqual([]);
  });

  it("keeps versions, which are listed in any order and without values", async () => {
    const { client } = await start();
    const versions = [];
    for (let value = 0; value < 8; value++) versions.push((await client.setSecret("one", `value ${value}`)).properties.version as string);
    expect((await client.getSecret("one")).value).toBe("value 7");
    expect((await client.getSecret("one", { version: versions[2] as string })).value).toBe("value 2");
    const listed = await gather(client.listPropertiesOfSecretVersions("one"));
    expect(listed.map(({ version }) => version).sort()).toEqual(versions.toSorted());
    expect(listed.map(({ version }) => version)).not.toEqual(versions);
    expect(JSON.stringify(listed)).not.toContain("value ");
  });

  it("keeps content type, tags and attributes, and changes them without a new version", async () => {
    const { client } = await start();
    const expiresOn = new Date("2030-01-02T03:04:05Z");
    const { properties } = await client.setSecret("one", "v", { contentType: "text/plain", tags: { of: "a test" }, expiresOn });
    expect(properties).toMatchObject({
      contentType: "text/plain",
      tags: { of: "a test" },
      expiresOn,
      enabled: true,
      recoveryLevel: "Recoverable",
    });
    await client.updateSecretProperties("one", properties.version as string, { tags: { of: "another" } });
    const { value, properties: now } = await client.getSecret("one");
    expect([value, now.version, now.tags, now.contentType]).toEqual(["v", properties.version, { of: "another" }, "text/plain"]);
  });

  it("does not tell upper from lower case in names, and refuses other signs and more than 127", async () => {
    const { client } = await start();
    await client.setSecret("dbG", "first");
    await client.setSecret("dbg", "second");
    expect((await client.getSecret("DBG")).value).toBe("second");
    expect(await gather(client.listPropertiesOfSecrets())).toHaveLength(1);
    for (const name of ["a_b", "a.b", "ä", "a".repeat(128)])
      expect(await refused(client.setSecret(name, "v"))).toEqual([400, "BadParameter"]);
    await client.setSecret("a".repeat(127), "v");
  });

  it("takes 25,600 bytes and no more, 15 tags and no more", async () => {
    const { client } = await start();
    await client.setSecret("one", "x".repeat(25_600));
    expect(await refused(client.setSecret("one", "x".repeat(25_601)))).toEqual([400, "BadParameter"]);
    expect(await refused(client.setSecret("one", "ä".repeat(12_801)))).toEqual([400, "BadParameter"]);
    const tags = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`t${index}`, "v"]));
    expect(await refused(client.setSecret("one", "v", { tags }))).toEqual([400, "BadParameter"]);
    expect(await refused(client.setSecret("one", "v", { tags: { t: "x".repeat(257) } }))).toEqual([400, "BadParameter"]);
  });

  it("tells what is not there: 404 SecretNotFound", async () => {
    const { client } = await start();
    expect(await refused(client.getSecret("one"))).toEqual([404, "SecretNotFound"]);
    await client.setSecret("one", "v");
    expect(await refused(client.getSecret("one", { version: "0".repeat(32) }))).toEqual([404, "SecretNotFound"]);
    expect(await refused(client.getDeletedSecret("one"))).toEqual([404, "SecretNotFound"]);
  });

  it("refuses a disabled version, and hands out one that has expired or is not valid yet", async () => {
    const { client } = await start();
    const { properties } = await client.setSecret("one", "v");
    await client.updateSecretProperties("one", properties.version as string, { enabled: false });
    expect(await refused(client.getSecret("one"))).toEqual([403, "SecretDisabled"]);
    const past = new Date(Date.now() - 86_400_000);
    const future = new Date(Date.now() + 86_400_000);
    await client.setSecret("one", "expired", { expiresOn: past });
    expect((await client.getSecret("one")).value).toBe("expired");
    await client.setSecret("one", "early", { notBefore: future });
    expect((await client.getSecret("one")).value).toBe("early");
  });

  it("lists pages of 25, with a link to the next", async () => {
    const { client } = await start();
    const names = Array.from({ length: 60 }, (_, index) => `n${String(index).padStart(2, "0")}`);
    for (const name of names) await client.setSecret(name, "v");
    const pages = await gather(client.listPropertiesOfSecrets().byPage());
    expect(pages.map((page) => page.length)).toEqual([25, 25, 10]);
    expect(pages.flat().map(({ name }) => name)).toEqual(names);
    expect(pages.flat().every(({ version }) => version === undefined)).toBe(true);
    expect(await refused(gather(client.listPropertiesOfSecrets().byPage({ maxPageSize: 26 })))).toEqual([400, "BadParameter"]);
  });

  it("deletes softly: the name is taken until it is recovered or purged", async () => {
    const { client } = await start({ purgeProtection: false });
    await client.setSecret("one", "v", { tags: { of: "a test" } });
    const deleted = await (await client.beginDeleteSecret("one")).pollUntilDone();
    expect(deleted.properties.tags).toEqual({ of: "a test" });
    expect((deleted.scheduledPurgeDate as Date).getTime()).toBeGreaterThan(Date.now() + 89 * 86_400_000);
    expect(await refused(client.getSecret("one"))).toEqual([404, "SecretNotFound"]);
    expect((await gather(client.listDeletedSecrets())).map(({ name }) => name)).toEqual(["one"]);
    expect(await refused(client.setSecret("one", "w"))).toEqual([409, "ObjectIsDeletedButRecoverable"]);
    await (await client.beginRecoverDeletedSecret("one")).pollUntilDone();
    expect((await client.getSecret("one")).value).toBe("v");
    await (await client.beginDeleteSecret("one")).pollUntilDone();
    await client.purgeDeletedSecret("one");
    expect(await gather(client.listDeletedSecrets())).toEqual([]);
    await client.setSecret("one", "w");
    expect(await gather(client.listPropertiesOfSecretVersions("one"))).toHaveLength(1);
  });

  it("purges nothing where it is protected from that", async () => {
    const { client } = await start();
    await client.setSecret("one", "v");
    await client.beginDeleteSecret("one");
    expect(await refused(client.purgeDeletedSecret("one"))).toEqual([403, "ForbiddenByPolicy"]);
  });

  it("needs a moment after a recovery and after a purge", async () => {
    const { client } = await start({ purgeProtection: false, settling: 60 });
    await client.setSecret("one", "v");
    await client.beginDeleteSecret("one");
    await client.beginRecoverDeletedSecret("one");
    expect(await refused(client.setSecret("one", "w"))).toEqual([409, "ObjectIsBeingRecovered"]);
    await expect
      .poll(() =>
        client.setSecret("one", "w").then(
          () => "set",
          () => "busy",
        ),
      )
      .toBe("set");
    await client.beginDeleteSecret("one");
    await client.purgeDeletedSecret("one");
    expect(await refused(client.setSecret("one", "x"))).toEqual([409, "ObjectIsBeingRecovered"]);
    await expect
      .poll(() =>
        client.setSecret("one", "x").then(
          () => "set",
          () => "busy",
        ),
      )
      .toBe("set");
  });

  it("backs up and restores all versions, but not over what is there", async () => {
    const { client } = await start();
    const other = await start();
    for (const value of ["v", "w"]) await client.setSecret("one", value);
    const backup = (await client.backupSecret("one")) as Uint8Array;
    await other.client.restoreSecretBackup(backup);
    expect((await other.client.getSecret("one")).value).toBe("w");
    expect(await gather(other.client.listPropertiesOfSecretVersions("one"))).toHaveLength(2);
    expect(await refused(client.restoreSecretBackup(backup))).toEqual([409, "Conflict"]);
  });

  it("throttles: the client waits as long as it is told, and tries again", async () => {
    const { double, client } = await start();
    await client.setSecret("one", "v");
    double.throttle(1, 1);
    const begun = performance.now();
    expect((await client.getSecret("one")).value).toBe("v");
    expect(performance.now() - begun).toBeGreaterThan(900);
    double.throttle(4, 0);
    expect(await refused(client.getSecret("one"))).toEqual([429, "Throttled"]);
  });
});
