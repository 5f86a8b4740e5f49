/**
 * Many documents at once: `list.10k`, `load.10k`, `chain.50`.
 * @module
 */
import { join } from "node:path";
import { type AnyBlockClass, Block, type Store, secret } from "ashlar";
import { z } from "zod";
import { BareStore } from "./bare.ts";
import { alternate, type Figure, type Measured, type Pair } from "./measure.ts";
import { Account, accountInput, bareAccount, bareRecord, withSqlite } from "./sample.ts";

const { token, ...publicAccount } = accountInput;

/** Measures with as many accounts in a store and in a bare table. */
function withAccounts(count: number, runs: number, pair: (store: Store, bare: BareStore) => Pair): Promise<Measured> {
  return withSqlite(async (store, folder) => {
    const names = Array.from({ length: count }, (_, index) => `account-${String(index).padStart(5, "0")}`);
    for (const name of names) await new Account(accountInput).save(name, { store });
    const record = await bareRecord(store, Account.slug, names[0] as string, { token });
    const bare = new BareStore(join(folder, "bare.db"));
    bare.together(() => {
      for (const name of names) bare.insert(`id-${name}`, name, record);
    });
    const measured = await alternate(pair(store, bare), runs, 1);
    bare.close();
    return measured;
  });
}

export const list10k: Figure = {
  name: "list.10k",
  about: "the names of 10,000 documents; floor: one query for them",
  unit: "ms",
  goal: { most: 25 },
  measure: (scaled) =>
    withAccounts(scaled(10_000), scaled(20), (store, bare) => ({
      ours: () => Account.names({ store }),
      floor: () => bare.names(),
    })),
};

export const load10k: Figure = {
  name: "load.10k",
  about: "10,000 documents with a secret each, typed, by loadAll(); floor: one query, and JSON.parse, open and zod parse of each",
  unit: "ms",
  goal: { most: 400 },
  measure: (scaled) =>
    withAccounts(scaled(10_000), scaled(10), (store, bare) => ({
      ours: () => Array.fromAsync(Account.loadAll({ store })),
      floor: () =>
        bare
          .all()
          .map(({ secrets }) => bareAccount.parse({ ...publicAccount, ...secrets }))
          .toArray(),
    })),
};

/** Classes of which each has a field of the one before. */
export function chainClasses(length: number): AnyBlockClass[] {
  const classes: AnyBlockClass[] = [];
  for (let index = 0; index < length; index++) {
    const next = classes.at(-1);
    const fields = { label: z.string(), token: secret(), ...(next ? { next } : {}) };
    classes.push(class Link extends Block.define({ name: `Bench Link ${index}`, title: `Link${index}`, fields }) {});
  }
  return classes;
}

/** The fields of a link without the next. */
export const bareLink = z.strictObject({ label: z.string(), token: secret() });

export const chain50: Figure = {
  name: "chain.50",
  about: "50 blocks, each referring to the next, a secret each; floor: 50 point reads, JSON.parse, opens and zod parses",
  unit: "ms",
  goal: { most: 2 },
  measure: (scaled) =>
    withSqlite(async (store, folder) => {
      const classes = chainClasses(scaled(50));
      const bare = new BareStore(join(folder, "bare.db"));
      let next: Block | undefined;
      for (const [index, Link] of classes.entries()) {
        const fields = { label: `link ${index}`, token: `${token}-${index}`, ...(next ? { next } : {}) };
        next = await (new Link(fields) as Block).save("main", { store });
        bare.insert(`${index}`, `link-${index}`, await bareRecord(store, next.document?.type ?? "", "main", { token: fields.token }));
      }
      const last = `${next?.document?.type}/main`;
      const floor = () => classes.map((_, index) => bareLink.parse({ label: `link ${index}`, ...bare.byId(`${index}`).secrets }));
      const measured = await alternate({ ours: () => Block.load(last, { store, classes }), floor }, scaled(300), scaled(1));
      bare.close();
      return measured;
    }),
};
