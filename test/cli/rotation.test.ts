/** `ashlar key rotate` on every store that is sealed with keys: what the old key sealed opens with the new one alone. */
import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, it, vi } from "vitest";
import { startAzurite } from "../azurite.ts";
import { postgresForTests } from "../postgres.ts";
import { missingPostgres } from "../postgres-server.ts";
import { BLOCKS, Workplace } from "./workplace.ts";

vi.setConfig({ testTimeout: 240_000 });

const CANARY = "canary-6f20aa";
const NAMES = ["main", "second", "third"];
const server = postgresForTests();
const azurite = await startAzurite();
afterAll(() => azurite.stop());

const STORES: Readonly<Record<string, () => string>> = {
  "sqlite:": () => "sqlite:data/ashlar.db",
  "file:": () => "file:data",
  "postgres:": () => server.freshUrl(),
  "azure-blob:": () => `azure-blob://${azurite.account}/c${randomUUID()}`,
};

describe("a new key for all that is there", () => {
  for (const [scheme, fresh] of Object.entries(STORES))
    it.skipIf(scheme === "postgres:" && missingPostgres)(`in ${scheme}`, async () => {
      const place = new Workplace();
      const environment = { ASHLAR_STORE: fresh(), AZURE_STORAGE_CONNECTION_STRING: azurite.connectionString, TOKEN: CANARY };
      const succeed = async (command: string) => {
        const { code, stdout, stderr } = await place.run(command, environment);
        expect({ command, code, stderr: code === 0 ? "" : stderr }).toEqual({ command, code: 0, stderr: "" });
        return stdout;
      };
      const keys = async () =>
        (JSON.parse(await succeed("key ls --json")) as { keys: { id: string; state: string; records: number }[] }).keys;
      place.write("blocks.ts", BLOCKS);
      place.write(
        "all.yaml",
        NAMES.map((name) => `- { type: account, name: ${name}, data: { user: me, token: { env: TOKEN } } }`).join("\n"),
      );
      for (const command of ["init", "register blocks.ts", "apply all.yaml"]) await succeed(command);
      const [old] = await keys();
      const records = 3 + 3 + NAMES.length; // types, schemas, documents
      expect(old).toMatchObject({ state: "primary", records });
      const { key, resealed, failed } = JSON.parse(await succeed("key rotate --new --json"));
      expect([resealed, failed]).toEqual([records, []]);
      expect(await keys()).toEqual([
        { id: key, state: "primary", records },
        { id: old?.id, state: "enabled", records: 0 },
      ]);
      await succeed(`key remove ${old?.id} --yes`);
      for (const name of NAMES) expect(await succeed(`get account/${name} token --reveal`)).toBe(`${CANARY}\n`);
      expect(await succeed("key rotate")).toBe(`Everything is sealed with ${key}.\n`);
      await succeed("doctor");
    });
});
