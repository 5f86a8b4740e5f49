/**
 * One document at a time: `load.sqlite`, `load.memory`, `save.sqlite`.
 * @module
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { openStore } from "ashlar";
import { BareStore } from "./bare.ts";
import { alternate, type Figure } from "./measure.ts";
import { Account, accountInput, bareRecord, bareService, Service, saveService, serviceInput, withSqlite } from "./sample.ts";

const { token, ...publicAccount } = accountInput;
const { password, ...publicService } = serviceInput;

export const loadSqlite: Figure = {
  name: "load.sqlite",
  about: "a block and the one it refers to, 2 secrets; floor: 2 point reads, 2 JSON.parse, 2 opens with commitment, 1 zod parse",
  unit: "µs",
  goal: { ratio: 2 },
  measure: (scaled) =>
    withSqlite(async (store, folder) => {
      await saveService(store);
      const bare = new BareStore(join(folder, "bare.db"));
      bare.insert("child", "account", await bareRecord(store, Account.slug, "main", { token }));
      bare.insert("parent", "service", await bareRecord(store, Service.slug, "main", { password }));
      const floor = () => {
        const [parent, child] = [bare.byName("service"), bare.byId("child")];
        return bareService.parse({ ...publicService, ...parent.secrets, account: { ...publicAccount, ...child.secrets } });
      };
      const measured = await alternate({ ours: () => Service.load("main", { store }), floor }, scaled(500), scaled(20));
      bare.close();
      return measured;
    }),
};

export const loadMemory: Figure = {
  name: "load.memory",
  about: "the same from a store in memory, unsealed; floor: zod's parse of the same data",
  unit: "µs",
  goal: { ratio: 4 },
  async measure(scaled) {
    const store = await openStore("memory:");
    await saveService(store);
    const input = { ...serviceInput, account: accountInput };
    const ours = () => Service.load("main", { store });
    return alternate({ ours, floor: () => bareService.parse(input) }, scaled(500), scaled(100));
  },
};

export const saveSqlite: Figure = {
  name: "save.sqlite",
  about: "a new block with a secret, on disk; floor: a sealed insert with full sync",
  unit: "µs",
  goal: { ratio: 1.5 },
  measure: (scaled) =>
    withSqlite(async (store, folder) => {
      await saveService(store);
      const bare = new BareStore(join(folder, "bare.db"));
      const record = await bareRecord(store, Account.slug, "main", { token });
      let count = 0;
      const ours = () => new Account(accountInput).save(`account-${count++}`, { store });
      const floor = () => bare.insert(randomUUID(), `account-${count++}`, record);
      const measured = await alternate({ ours, floor }, scaled(100), scaled(10));
      bare.close();
      return measured;
    }),
};
