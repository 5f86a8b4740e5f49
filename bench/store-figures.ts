/**
 * What is measured of each store: load, save, list 10,000, nested depth 10, beside the bare driver doing the same calls in the same place.
 * @module
 */
import { Block, type Store } from "ashlar";
import type { BareRecord } from "./bare.ts";
import { bareLink, chainClasses } from "./many.ts";
import { alternate, type Figure, type Measured } from "./measure.ts";
import { Account, accountInput, bareRecord, bareService, Service, saveService, serviceInput } from "./sample.ts";

/** A document as a bare program keeps it. */
export interface BareDocument extends BareRecord {
  readonly type: string;
  readonly name: string;
  /** What `insert` gave for the document that it refers to. */
  readonly child?: string | undefined;
}

/** The driver's calls that a store of this kind cannot do without, and sealed halves opened with commitment; nothing around them. */
export interface Bare {
  /** Seals a document and writes it, as safely as the store does. @returns what a parent refers to it by. */
  insert(document: BareDocument): string | Promise<string>;
  /** Looks whether a name is taken, among documents and among those without a name. */
  has(type: string, name: string): boolean | Promise<boolean>;
  /** Reads and opens a document and all it refers to, as the store reads them. */
  graph(type: string, name: string): readonly BareRecord[] | Promise<readonly BareRecord[]>;
  /** Reads the readable halves of all documents of a type. */
  list(type: string): unknown[] | Promise<unknown[]>;
}

/** A kind of store to measure. */
export interface Place {
  readonly name: string;
  /** What the floor calls. */
  readonly driver: string;
  /** The most that the store may take, as a multiple of the floor. */
  readonly ratio: number;
  /** Loads in about a millisecond or two. */
  readonly batch: number;
  /** How often 10,000 documents are listed. */
  readonly lists: number;
  /** Measures with a new store, and a bare one beside it; then removes both. */
  with(measure: (store: Store, bare: Bare) => Promise<Measured>): Promise<Measured>;
}

/** The figures of one. */
export function storeFigures(place: Place): Figure[] {
  return [loadOf(place), saveOf(place), listOf(place), depthOf(place)];
}

const classes = chainClasses(10);
const { token, ...publicAccount } = accountInput;
const { password, ...publicService } = serviceInput;

function loadOf(place: Place): Figure {
  return {
    name: `load.${place.name}`,
    about: `a block and the one it refers to, 2 secrets; floor: ${place.driver} reading both, 2 JSON.parse, 2 opens with commitment, 1 zod parse`,
    unit: "µs",
    goal: { ratio: place.ratio },
    measure: (scaled) =>
      place.with(async (store, bare) => {
        await saveService(store);
        const account = await bareRecord(store, Account.slug, "main", { token });
        const child = await bare.insert({ ...account, type: Account.slug, name: "main" });
        const service = await bareRecord(store, Service.slug, "main", { password });
        await bare.insert({ ...service, type: Service.slug, name: "main", child });
        const floor = async () => {
          const records = await bare.graph(Service.slug, "main");
          const secretsOf = (type: string) => records.find(({ body }) => body.type === type)?.secrets;
          const opened = { ...publicService, ...secretsOf(Service.slug) };
          return bareService.parse({ ...opened, account: { ...publicAccount, ...secretsOf(Account.slug) } });
        };
        return alternate({ ours: () => Service.load("main", { store }), floor }, scaled(400), scaled(place.batch));
      }),
  };
}

function saveOf(place: Place): Figure {
  return {
    name: `save.${place.name}`,
    about: `a new block with a secret; floor: ${place.driver} looking for the name among documents with and without one, and writing a sealed one`,
    unit: "µs",
    goal: { ratio: place.ratio },
    measure: (scaled) =>
      place.with(async (store, bare) => {
        await saveService(store);
        const record = await bareRecord(store, Account.slug, "main", { token });
        let count = 0;
        const ours = () => new Account(accountInput).save(`account-${count++}`, { store });
        const floor = async () => {
          const name = `account-${count++}`;
          if (await bare.has(Account.slug, name)) throw new Error("it is taken");
          await bare.insert({ ...record, type: Account.slug, name });
        };
        return alternate({ ours, floor }, scaled(200), scaled(Math.ceil(place.batch / 2)));
      }),
  };
}

function listOf(place: Place): Figure {
  return {
    name: `list.10k.${place.name}`,
    about: `10,000 documents, masked; floor: ${place.driver} reading them, and JSON.parse of each`,
    unit: "ms",
    goal: { ratio: place.ratio },
    measure: (scaled) =>
      place.with(async (store, bare) => {
        const names = Array.from({ length: scaled(10_000) }, (_, index) => `account-${String(index).padStart(5, "0")}`);
        await new Account(accountInput).save(names[0] as string, { store }); // which registers the class, once
        const record = await bareRecord(store, Account.slug, names[0] as string, { token });
        await inTens(names.slice(1), (name) => new Account(accountInput).save(name, { store }));
        await inTens(names, (name) => bare.insert({ ...record, type: Account.slug, name }));
        const ours = () => store.list({ type: Account.slug, limit: 10_000 });
        return alternate({ ours, floor: () => bare.list(Account.slug) }, scaled(place.lists), 1);
      }),
  };
}

async function inTens<T>(items: readonly T[], work: (item: T) => unknown): Promise<void> {
  for (let at = 0; at < items.length; at += 10) await Promise.all(items.slice(at, at + 10).map(work));
}

function depthOf(place: Place): Figure {
  return {
    name: `depth.10.${place.name}`,
    about: `10 blocks, each referring to the next, a secret each; floor: ${place.driver} reading all, 10 JSON.parse, opens with commitment, zod parses`,
    unit: "µs",
    goal: { ratio: place.ratio },
    measure: (scaled) =>
      place.with(async (store, bare) => {
        const label = "a label";
        let [next, child, type]: [Block | undefined, string | undefined, string] = [undefined, undefined, ""];
        for (const Link of classes) {
          next = await (new Link({ label, token, ...(next ? { next } : {}) }) as Block).save("main", { store });
          type = next.document?.type ?? "";
          child = await bare.insert({ ...(await bareRecord(store, type, "main", { token })), type, name: "main", child });
        }
        const ours = () => Block.load(`${type}/main`, { store, classes });
        const floor = async () => (await bare.graph(type, "main")).map(({ secrets }) => bareLink.parse({ label, ...secrets }));
        return alternate({ ours, floor }, scaled(200), scaled(Math.ceil(place.batch / 4)));
      }),
  };
}
