/**
 * The whole kit once more on Azurite over TLS with OAuth, as a store's URL opens it: Azure's default credential, of a managed identity, for the container
 * and for the Key Vault beside it.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { openBackend } from "../../src/backends/azure-blob.ts";
import { openStore } from "../../src/index.ts";
import { loaded, register } from "../../src/testing/store-subject.ts";
import { refused } from "../../src/testing/suite.ts";
import { backendConformance, storeConformance } from "../../src/testing.ts";
import { MAX_SECRET_BYTES } from "../../src/vaults/azure-key-vault.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { startAzurite } from "../azurite.ts";
import { CERTIFICATE, KeyVaultDouble } from "../doubles/key-vault.ts";
import { startManagedIdentity } from "../doubles/managed-identity.ts";
import "../doubles/no-resource-check.ts";

const key = CERTIFICATE.replace(".pem", "-key.pem");
const [azurite, identity, double] = await Promise.all([
  startAzurite("mtademo", ["--oauth", "basic", "--cert", CERTIFICATE, "--key", key]),
  startManagedIdentity(),
  KeyVaultDouble.start(),
]);
afterAll(async () => void (await Promise.all([azurite.stop(), identity.stop(), double.stop()])));
Object.assign(process.env, identity.environment);
setDefaultCACertificates([...getCACertificates("default"), readFileSync(CERTIFICATE, "utf8")]);

const host = `localhost:${new URL(azurite.endpoint).port}`;
const freshUrl = () => `azure-blob://${host}/${azurite.account}/${randomUUID()}`;

backendConformance({ describe, it }, { name: "the Azure Blob backend by OAuth", open: () => openBackend(freshUrl(), { create: true }) });

storeConformance(
  { describe, it },
  { name: "the sealed store in Azure Blob by OAuth", open: () => openStore(freshUrl(), { create: true, keys: [keyText(generateKey())] }) },
);

storeConformance(
  { describe, it },
  {
    name: "the store in Azure Blob with Azure Key Vault by OAuth",
    open: () => openStore(`${freshUrl()}?vault=${double.url}`, { create: true }),
    maxSecretBytes: MAX_SECRET_BYTES,
  },
);

describe("a store in Azure by OAuth", () => {
  it("asked for one token for each service", () => {
    expect([...new Set(identity.resources)].sort()).toEqual(["https://storage.azure.com", "https://vault.azure.net"]);
  });

  it("is ERR_UNREACHABLE for who does not trust its certificate", async () => {
    const url = freshUrl().replace("localhost", "127.0.0.1");
    expect((await refused("ERR_UNREACHABLE", () => openBackend(url, { create: true }))).message).toMatch(
      /certificate of .* is not trusted/,
    );
  });

  it("loses nothing of what eight processes write by compare-and-swap", async () => {
    const url = `${freshUrl()}?vault=${double.url}`;
    const store = await openStore(url, { create: true });
    await register(store);
    const options = `--import=${pathToFileURL(join(import.meta.dirname, "../doubles/no-resource-check.ts"))}`;
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: CERTIFICATE, NODE_OPTIONS: options };
    const script = join(import.meta.dirname, "../stores/increments.ts");
    await Promise.all(Array.from({ length: 8 }, () => promisify(execFile)(process.execPath, [script, url, "25"], { env })));
    const { data, revision } = await loaded(store, "counter");
    expect([data.count, revision]).toEqual([200, 201]);
    await store.close();
  });
});
