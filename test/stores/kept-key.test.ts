/** Keys for other purposes than sealing: derived where the vault can, else kept in the store. */
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { memoryBackend } from "../../src/backends/memory.ts";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import type { Maintenance } from "../../src/stores/store.ts";
import { generateKey, keyring } from "../../src/vaults/keyring.ts";
import { memoryVault } from "../../src/vaults/memory.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import type { Vault } from "../../src/vaults/vault.ts";
import { temporaryFolder } from "../temporary.ts";

const folder = temporaryFolder();

async function without(vault: Vault): Promise<Vault> {
  return {
    ...vault,
    seal: vault.seal.bind(vault),
    open: vault.open.bind(vault),
    discard: vault.discard.bind(vault),
    keyOf: vault.keyOf.bind(vault),
  } as Vault;
}

const maintenanceOf = (backend: Parameters<typeof sealedStore>[0]["backend"], vault: Vault) =>
  sealedStore({ backend, vault }).maintenance as Maintenance;

describe("a store whose vault derives no keys", () => {
  it("keeps one of its own for each purpose, the same for all who open it", async () => {
    const [backend, vault] = [memoryBackend(), memoryVault()];
    const [one, other] = [maintenanceOf(backend, vault), maintenanceOf(backend, vault)];
    const made = await Promise.all([one.derive("audit"), other.derive("audit"), one.derive("audit")]);
    expect(new Set(made.map(({ key, bytes }) => `${key} ${Buffer.from(bytes).toString("hex")}`)).size).toBe(1);
    const [{ key, bytes } = { key: "", bytes: new Uint8Array() }] = made;
    expect([bytes.length, await other.derive("audit", key)]).toEqual([32, { key, bytes }]);
    expect((await one.derive("else")).bytes).not.toEqual(bytes);
    for (const purpose of ["audit", "never asked for"])
      await expect(one.derive(purpose, "ffffffff")).rejects.toMatchObject({ code: "ERR_UNKNOWN_KEY", details: { keys: ["ffffffff"] } });
    expect(await backend.list({ kind: "token", limit: 9 })).toHaveLength(2);
    expect(await sealedStore({ backend, vault }).accessTokens?.list()).toEqual([]);
  });

  it("keeps it under its seal, which a rotation of keys renews", async () => {
    const path = join(folder, "store.db");
    const backend = await sqliteBackend({ path, create: true });
    const [first, second] = [generateKey(), generateKey()];
    const [old, both, next] = await Promise.all(
      [[first], [second, first], [second]].map(async (keys) => without(await sodiumVault(keyring(keys, "a test")))),
    );
    const made = await maintenanceOf(backend, old as Vault).derive("audit");
    const [record] = await backend.list({ kind: "token", limit: 1 });
    expect(JSON.stringify(record)).not.toContain(Buffer.from(made.bytes).toString("base64url"));
    expect(await maintenanceOf(backend, { ...(both as Vault), sealingKey: () => second.id }).reseal()).toMatchObject({
      resealed: 1,
      failed: [],
    });
    expect(await maintenanceOf(backend, next as Vault).derive("audit")).toEqual(made);
  });
});
