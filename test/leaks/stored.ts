/**
 * Run by matrix.test.ts in a folder of its own: saves and loads every subject in SQLite, fails to do so in every way, prints what comes of it, and is
 * killed with the log not yet brought into the file. Arguments: path of the store, path of one with a rollback journal that stays.
 */
import { DatabaseSync } from "node:sqlite";
import { inspect } from "node:util";
import { type AnyBlock, Block, openStore, type Store, secret } from "ashlar";
import { z } from "zod";
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { sealedStore } from "../../src/stores/sealed.ts";
import { generateKey, keyring, keyText } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { FrozenLeaf, leaf } from "../frozen/blocks.ts";
import { ODD_CANARY } from "./canary.ts";
import { subjects } from "./subjects.ts";

const [path = "", journalled = ""] = process.argv.slice(2);
const whole = { depth: Infinity, showHidden: true, getters: true, maxStringLength: null } as const;

function show(value: unknown): void {
  console.log(value);
  console.log(inspect(value, whole), String(value), JSON.stringify(value));
  if (value instanceof Error) console.error(value.stack, inspect(value, { ...whole, customInspect: false }));
}

async function failing(action: () => unknown): Promise<void> {
  const outcome = await Promise.resolve()
    .then(action)
    .then(
      () => "it did not fail",
      (error: unknown) => error,
    );
  if (outcome === "it did not fail") throw new Error(`This should fail: ${action}`);
  show(outcome);
}

type Any = Block & AnyBlock;
const store = await openStore(`sqlite:${path}`);

for (const [name, block] of Object.entries(subjects) as [string, Any][]) {
  const at = name.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  const own = block.with({});
  show(await own.save(at, { store }));
  const slug = (block.constructor as unknown as { slug: string }).slug;
  const loaded = await Block.load(`${slug}/${at}`, { store });
  if (!loaded.equals(block)) throw new Error(`${name} is not what was saved.`);
  show([loaded, await store.list(), await store.load({ type: slug, name: at }), await store.inspect({ type: slug, name: at })]);
  await failing(() => own.save(at, { store }));
  await failing(() => own.save(at, { store, ifRevision: 9 }));
  await failing(async () => own.save("too-large", { store: await openStore("memory:", { maxBytes: 10 }) }));
}

/** A class that what was saved does not fit. */
class Other extends Block.define({
  name: "Frozen Leaf",
  fields: { user: z.int(), token: secret(z.int()), headers: secret(z.url()).optional() },
}) {}

const vaultOf = (...keys: Parameters<typeof keyring>[0]) => sodiumVault(keyring(keys, "a test"));
async function failedLoads(own: Store): Promise<void> {
  await leaf("one", ODD_CANARY).save("failing", { store: own });
  await failing(() => Other.load("failing", { store: own }));
  const stranger = sealedStore({ backend: await sqliteBackend({ path }), vault: await vaultOf(generateKey()) });
  await failing(() => FrozenLeaf.load("failing", { store: stranger }));
  await stranger.close();
  const database = new DatabaseSync(path);
  database.exec("UPDATE records SET body = replace(body, 'one', 'two') WHERE name = 'failing'");
  database.close();
  await failing(() => FrozenLeaf.load("failing", { store: own }));
  show(await own.maintenance?.check());
}
await failedLoads(store);
for (const key of [ODD_CANARY, `ashlarkey1_${ODD_CANARY}`, `${keyText(generateKey())}${ODD_CANARY}`])
  await failing(async () => leaf("a", "b").save("a", { store: await openStore(`sqlite:${path}`, { keys: [key] }) }));
for (const url of [`sqlite://user:${ODD_CANARY}@host/a`, `other://${ODD_CANARY}`]) await failing(() => openStore(url));

const other = await openStore(`sqlite:${journalled}`);
const database = new DatabaseSync(journalled);
const first = await leaf("one", ODD_CANARY).save("one", { store: other });
database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
await other.close();
database.exec("PRAGMA journal_mode = PERSIST; UPDATE records SET revision = revision + 1"); // leaves the pages as they were in the journal
show(first);
process.kill(process.pid, "SIGKILL");
