/**
 * Made store-1.db, seals-1.json and store-1.json beside it, once, with the first version of Ashlar. They are never made again: a store of version 1
 * opens forever. For a later format copy this with another number; this one refuses to write over what is there.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openStore } from "../../src/index.ts";
import { generateKey, keyring, keyText } from "../../src/vaults/keyring.ts";
import { sodiumVault } from "../../src/vaults/sodium.ts";
import { everything, leaf, middle } from "./blocks.ts";

const at = (name: string) => join(import.meta.dirname, name);
for (const name of ["store-1.db", "store-1.json", "seals-1.json"])
  if (existsSync(at(name))) throw new Error(`${name} is frozen: it is never made anew.`);

const key = generateKey();
const store = await openStore(`sqlite:${at("store-1.db")}`, { create: true, keys: [keyText(key)] });
const secret = "frozen secret é\u{1F600}";
const [one, two] = [await leaf("one", secret).save("one", { store }), await leaf("two", secret).save("two", { store })];
const over = await middle(one, two, secret).save("over", { store });
await everything(over, secret).save("everything", { store });
await (await leaf("twice", "first").save("twice", { store })).with({ token: "second" }).save("twice", { store, overwrite: true });
const documents = await store.list();
await store.close();
const database = new DatabaseSync(at("store-1.db"));
database.exec("VACUUM"); // small; the log beside it goes when it is closed
database.close();
const about = "A store of version 1 and the key it is sealed with. The key was made for this test alone and protects nothing.";
writeFileSync(at("store-1.json"), `${JSON.stringify({ about, key: keyText(key), documents }, null, 2)}\n`);

const vault = await sodiumVault(keyring([key], "a test"));
const seals = [
  {},
  { "/token": "" },
  { "/token": "a" },
  { "/token": "x".repeat(52) },
  { "/token": "x".repeat(200), "/a~1b/0": null },
  { "/text": "größe \u{1F600} \u0000", "/number": 1.5, "/list": [1, { a: [] }], "/yes": true, "/__proto__": "own" },
].map((secrets, index) => {
  const binding = Buffer.alloc(32, index * 41 + 1);
  return { secrets: JSON.stringify(secrets), binding: binding.toString("hex"), token: vault.seal(secrets, () => binding) };
});
writeFileSync(at("seals-1.json"), `${JSON.stringify({ about: "Seals of version 1, by the key in store-1.json.", seals }, null, 2)}\n`);
