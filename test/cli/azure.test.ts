/** The command line with Azure's services: keys out of a Key Vault, secrets in one, documents in Blob Storage. Credentials are those of a managed identity. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { generateKey, keyText, parseKey } from "../../src/vaults/keyring.ts";
import { startAzurite } from "../azurite.ts";
import { CERTIFICATE, KeyVaultDouble } from "../doubles/key-vault.ts";
import { startManagedIdentity } from "../doubles/managed-identity.ts";
import { BLOCKS, Workplace } from "./workplace.ts";

vi.setConfig({ testTimeout: 240_000 });

const CANARY = "canary-77d0e1";
const [double, identity, azurite] = await Promise.all([KeyVaultDouble.start(), startManagedIdentity(), startAzurite()]);
afterAll(async () => void (await Promise.all([double.stop(), identity.stop(), azurite.stop()])));

const trusting = `--import=${pathToFileURL(join(import.meta.dirname, "../doubles/no-resource-check.ts"))}`;
const AZURE = { ...identity.environment, NODE_EXTRA_CA_CERTS: CERTIFICATE, NODE_OPTIONS: trusting };

/** A place whose store is named by the environment, as are its keys. */
function placeFor(environment: Record<string, string>) {
  const place = new Workplace();
  place.write("blocks.ts", BLOCKS);
  const all = { ...AZURE, ...environment };
  const run = (command: string) => place.run(command, all);
  const succeed = async (command: string) => {
    const { code, stdout, stderr } = await run(command);
    expect({ command, code, stderr: code === 0 ? "" : stderr }).toEqual({ command, code: 0, stderr: "" });
    return { stdout, stderr };
  };
  const create = async () => {
    await succeed("register blocks.ts");
    expect(await place.feed(`{"user":"etl","token":"${CANARY}"}`, "create account/main", all)).toMatchObject({ code: 0 });
    expect((await succeed("get account/main token --reveal")).stdout.trim()).toBe(CANARY);
  };
  return { place, run, succeed, create };
}

describe("keys out of a secret in Azure Key Vault", async () => {
  const url = `${double.url}/secrets/ashlar-keys`;
  const { place, run, succeed, create } = placeFor({ ASHLAR_KEYS: url });
  const key = generateKey();

  it("are asked for where there are none, and never made", async () => {
    const { code, stderr } = await run("init");
    expect(code).toBe(77);
    expect(stderr).toContain(`ASHLAR_KEYS names the Key Vault secret ${url}, which does not exist`);
  });

  it("are those of a key file that was put there", async () => {
    await double.client().setSecret("ashlar-keys", `# Keys of an Ashlar store\n${keyText(key)}\n`);
    expect((await succeed("init")).stdout).toContain(`Key    the Key Vault secret ${url}, id ${key.id}, there already, left as it is`);
    await create();
    expect((await succeed("key ls")).stdout).toMatch(
      new RegExp(`Keys from the Key Vault secret ${url}\n\nKEY +STATE +RECORDS\n${key.id} +primary +7`),
    );
  });

  it("are changed by whoever may write there: the new value is printed", async () => {
    const { stdout, stderr } = await succeed("key add");
    expect(stderr).toContain(`Nothing is changed yet: this is the new value of the Key Vault secret ${url}`);
    const texts = stdout.trim().split(",");
    expect(texts[0]).toBe(keyText(key));
    const added = parseKey(texts[1] as string, "a test");
    await double.client().setSecret("ashlar-keys", stdout.trim());
    await double.client().setSecret("ashlar-keys", (await succeed(`key promote ${added.id}`)).stdout.trim());
    expect((await succeed("key rotate")).stdout.trim()).toBe(`7 records sealed anew with ${added.id}.`);
    await double.client().setSecret("ashlar-keys", (await succeed(`key remove ${key.id} --yes`)).stdout.trim());
    expect((await succeed("get account/main token --reveal")).stdout.trim()).toBe(CANARY);
    const { code, stderr: refusal } = await run("key rotate --new");
    expect([code, refusal]).toEqual([65, expect.stringContaining(`Keys come from the Key Vault secret ${url}, which only you can change`)]);
    expect((await succeed("doctor")).stdout).toMatch(new RegExp(`ok +keys +the Key Vault secret ${url}; ${added.id} seals`));
  });

  it("are damaged, disabled or of a wrong address: said, without the text", async () => {
    const { properties } = await double.client().setSecret("other-keys", `${keyText(key).slice(0, -1)}x`);
    const other = { ...AZURE, ASHLAR_KEYS: `${double.url}/secrets/other-keys` };
    const damaged = await place.run("get account/main token --reveal", other);
    expect([damaged.code, damaged.stderr]).toEqual([77, expect.stringMatching(/A key in the Key Vault secret .* is damaged/)]);
    await double.client().updateSecretProperties("other-keys", properties.version as string, { enabled: false });
    expect(await place.run("get account/main token --reveal", other)).toMatchObject({
      code: 77,
      stderr: expect.stringContaining("SecretDisabled"),
    });
    const wrong = await place.run("get account/main token --reveal", { ...AZURE, ASHLAR_KEYS: `${double.url}/keys/a?${CANARY}` });
    expect([wrong.code, wrong.stderr]).toEqual([65, expect.stringContaining("is named https://NAME.vault.azure.net/secrets/NAME")]);
    expect(wrong.stderr + damaged.stderr).not.toMatch(new RegExp(`${CANARY}|${keyText(key).slice(11, 30)}`));
  });
});

describe("a store whose URL names a Key Vault", async () => {
  const place = new Workplace();
  const file = join(place.data, "kept.db");
  const store = `sqlite:${file}?vault=${double.url}`;
  const { run, succeed, create } = placeFor({ ASHLAR_STORE: store });

  it("is made without any key", async () => {
    expect((await succeed("init")).stdout).toContain(`Secrets  kept by ${double.url}`);
    expect(await run("init --passphrase")).toMatchObject({ code: 65 });
    await create();
    expect((await succeed("init --json")).stdout).toContain(`"key":{"source":"${double.url}","path":null,"id":null,"created":false}`);
  });

  it("holds no secret itself, the vault does", async () => {
    expect(place.storeBytes().includes(CANARY)).toBe(false);
    expect(double.values.some((value) => value.includes(CANARY))).toBe(true);
  });

  it("has no keys to look after", async () => {
    expect(await run("key ls")).toMatchObject({
      code: 65,
      stderr: expect.stringContaining(`kept by ${double.url}, which has keys of its own`),
    });
    expect((await succeed("key rotate")).stdout).toContain("there is nothing to seal anew");
    expect(JSON.parse((await succeed("key rotate --json")).stdout)).toEqual({ key: "", resealed: 0, failed: [], interrupted: false });
    expect(await run("key rotate --new")).toMatchObject({ code: 65 });
    expect((await succeed("doctor")).stdout).toMatch(/skipped +keys +the secrets are kept by https:.*\nok +records +each was opened/);
  });

  it("says what is missing where its vault is not named", async () => {
    const { code, stderr } = await run(`get account/main token --reveal --store sqlite:${file}`);
    expect([code, stderr]).toEqual([
      74,
      expect.stringContaining("Its secrets are in Azure Key Vault: name that in the store's URL, ?vault="),
    ]);
  });

  it("is refused with anything but a vault's address, which is not repeated", async () => {
    for (const vault of [
      "http://localhost",
      `https://user:${CANARY}@localhost`,
      `https://localhost/?sig=${CANARY}`,
      CANARY,
      `https://localhost/${CANARY}`,
    ]) {
      const { code, stderr } = await run(`ls --store sqlite:${file}?vault=${vault}`);
      expect([vault, code, stderr]).toEqual([vault, 65, expect.stringContaining("?vault=https://NAME.vault.azure.net")]);
      expect(stderr).not.toContain(CANARY);
    }
  });
});

describe("a store in Azure Blob Storage", async () => {
  const container = `c${randomUUID()}`;
  const environment = {
    ASHLAR_STORE: `azure-blob://${azurite.account}/${container}?prefix=teams/one&vault=${double.url}`,
    AZURE_STORAGE_CONNECTION_STRING: azurite.connectionString,
  };
  const { run, succeed, create } = placeFor(environment);

  it("is made, used and looked after like any other", async () => {
    expect(await run("ls")).toMatchObject({ code: 69, stderr: expect.stringContaining('"ashlar init" makes it') });
    expect((await succeed("init")).stdout).toMatch(/Store +azure-blob:\/\/.*\?prefix=teams\/one, created/);
    await create();
    expect((await succeed("ls")).stdout).toContain("account");
    await succeed("set account/main retries=5");
    expect((await succeed("doctor")).stdout).toMatch(/^ok +store/m);
    await succeed("delete account/main --yes");
    expect((await run("get account/main user")).code).toBe(66);
  });

  it("is for whoever the environment lets in, and never for whoever a URL does", async () => {
    expect(await run(`ls --store azure-blob://another/${container}`)).toMatchObject({
      code: 65,
      stderr: expect.stringContaining("for another account"),
    });
    for (const url of [
      `azure-blob://${azurite.account}/${container}?sig=${CANARY}`,
      `azure-blob://u:${CANARY}@${azurite.account}/${container}`,
      `azure-blob://${CANARY}`,
    ]) {
      const { code, stderr } = await run(`ls --store ${url}`);
      expect([url, code, stderr]).toEqual([url, 65, expect.stringContaining("never in the URL")]);
      expect(stderr).not.toContain(CANARY);
    }
  });
});
