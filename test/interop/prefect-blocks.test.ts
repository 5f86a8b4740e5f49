/**
 * Every shipped block between Python's client and ours, over one real server: written by one, read by the other, overwritten, registered. The server is
 * Prefect's own, or ours, spoken to as Prefect's and by its own API.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type AnyBlock, type AnyBlockClass, DEFINITION, isBlock } from "../../src/definition.ts";
import { toDraft } from "../../src/document.ts";
import { Block, openStore, type Registered, type Store } from "../../src/index.ts";
import type { Json, JsonObject } from "../../src/json.ts";
import { reachableClasses } from "../../src/schema.ts";
import { toWire } from "../../src/wire.ts";
import { samples } from "../blocks/samples.ts";
import { startAshlarServer } from "./ashlar-server.ts";
import { type PrefectServer, startPrefectServer, withSettings } from "./prefect-server.ts";
import { type PythonSide, startPython } from "./python-side.ts";

let python: PythonSide;
let store: Store;

/** A server, and our way to it. */
const SERVERS: Readonly<Record<string, () => Promise<readonly [PrefectServer, Store]>>> = {
  "Prefect's server": async () => {
    const server = await startPrefectServer({ blocks: false });
    return [server, await openStore(`prefect+${server.apiUrl}`)];
  },
  "ashlar serve, as Prefect's": async () => {
    const server = await startAshlarServer("PREFECT_API_KEY", "--no-system-types");
    return [server, await withSettings(server.environment, () => openStore("prefect:"))];
  },
  "ashlar serve, by its own API": async () => {
    const server = await startAshlarServer("PREFECT_API_AUTH_STRING", "--no-system-types");
    return [server, await openStore(server.url, { token: server.token })];
  },
};

/** A class with its own statics, as far as they are used here. */
interface Statics extends AnyBlockClass {
  readonly checksum: string;
  load(name: string, options: object): Promise<Block>;
  register(options: object): Promise<readonly Registered[]>;
}

function slugOf(block: AnyBlock): string {
  return (block.constructor as AnyBlockClass)[DEFINITION].slug;
}

/** What the block is in a document, secrets in clear, nested blocks inside, without the tags of their types. */
function dataOf(block: AnyBlock): JsonObject {
  const { data, secrets } = toDraft(block, "x", {});
  const whole = toWire(data, Object.fromEntries(Object.entries(secrets).map(([at, value]) => [at, value.reveal()])), {});
  return untagged(whole) as JsonObject;
}

/** Without the tags of types, and without what is not set, which Python writes as null below the top, too. */
function untagged(value: Json): Json {
  if (Array.isArray(value)) return value.map(untagged);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, item]) => key !== "block_type_slug" && item !== null)
      .map(([key, item]) => [key, untagged(item)]),
  );
}

/** A copy whose nested blocks are saved under a name, each in its own document. */
async function withSavedChildren(block: AnyBlock, name: string): Promise<Block> {
  const children: Record<string, Block> = {};
  for (const [field, value] of Object.entries(block))
    if (isBlock(value)) children[field] = await (await withSavedChildren(value, name)).save(name, { store, overwrite: true });
  return (block as Block).with(children);
}

/** The same data for Python, nested blocks by the names that they were saved under. */
function forPython(block: AnyBlock, name: string): JsonObject {
  const { fields } = (block.constructor as AnyBlockClass)[DEFINITION];
  const data = { ...dataOf(block) } as Record<string, Json>;
  for (const { name: field, key } of fields) {
    const value = (block as unknown as Record<string, unknown>)[field];
    if (isBlock(value)) data[key] = { load: `${slugOf(value)}/${name}` };
  }
  return data;
}

async function schemasOf(slug: string): Promise<string[]> {
  return (await store.schemas({ type: slug })).map(({ checksum, version }) => `${checksum} ${version}`);
}

function blockBetween(given: unknown): void {
  const sample = given as Block;
  const cls = sample.constructor as unknown as Statics;
  const slug = slugOf(sample);

  test("has Python's checksum", async () => {
    expect(await python.checksum(slug)).toBe(cls.checksum);
  });

  test("registered by us, by Python, by us: one row a version, and what Python says of the type stays", async () => {
    const register = () => cls.register({ store });
    await register();
    await python.register(slug);
    const [before, type] = [await schemasOf(slug), await store.type({ slug })];
    expect(new Set(before).size).toBe(before.length);
    expect(new Set(before.map((row) => row.split(" ")[0]))).toEqual(new Set([await python.checksum(slug)]));
    expect((await register()).every(({ change, newSchema }) => change === "unchanged" && !newSchema)).toBe(true);
    await python.register(slug);
    expect([await schemasOf(slug), await store.type({ slug })]).toEqual([before, type]);
  });

  test("written by us is read by Python, nested blocks as documents of their own", async () => {
    const saved = await (await withSavedChildren(sample, "ours")).save("ours", { store, overwrite: true });
    for (const by of ["class", "Block"] as const) {
      const read = await python.load(slug, "ours", by);
      expect(read.id).toBe(saved.document?.id);
      expect(untagged(read.data as JsonObject)).toEqual(dataOf(sample));
      expect(Object.values(read.nested).every(([, name]) => name === "ours")).toBe(true);
    }
  });

  test("written by Python is read by us", async () => {
    await withSavedChildren(sample, "children");
    const id = await python.save(slug, "theirs", forPython(sample, "children"), true);
    const read = await cls.load("theirs", { store });
    expect(read.equals(sample)).toBe(true);
    expect(read.document).toMatchObject({ id, name: "theirs", changed: false });
    const generic = await Block.load(`${slug}/theirs`, { store, classes: [cls, ...reachableClasses(cls)] });
    expect(generic.equals(sample)).toBe(true);
    for (const { name } of cls[DEFINITION].fields) {
      const child = (read as unknown as Record<string, unknown>)[name];
      if (isBlock(child)) expect((child as unknown as Block).document?.name).toBe("children");
    }
  });

  test("overwritten by one is read by the other, and keeps its id", async () => {
    const first = await python.save(slug, "both", forPython(sample, "children"), true);
    const ours = await (await withSavedChildren(sample, "children")).save("both", { store, overwrite: true });
    expect(ours.document?.id).toBe(first);
    expect(untagged((await python.load(slug, "both")).data as JsonObject)).toEqual(dataOf(sample));
    expect(await python.save(slug, "both", forPython(sample, "children"), true)).toBe(first);
    expect((await cls.load("both", { store })).equals(sample)).toBe(true);
  });

  test("written by us without saving what it nests is read by Python, and the other way round", async () => {
    await sample.with({}).save("inline", { store, overwrite: true });
    const read = await python.load(slug, "inline");
    expect(untagged(read.data as JsonObject)).toEqual(dataOf(sample));
    await python.save(slug, "inline-theirs", dataOf(sample), true);
    expect((await cls.load("inline-theirs", { store })).equals(sample)).toBe(true);
  });

  test("registered by Python first: ours adds no second row of what it has, and changes nothing", async () => {
    await store.deleteType(slug, { cascade: true });
    await python.register(slug);
    const before = [await schemasOf(slug), await store.type({ slug })];
    const results = await cls.register({ store });
    const added = (await schemasOf(slug)).filter((row) => !(before[0] as string[]).includes(row));
    // Where our class calls more secret than Python's, its own version stands beside, so that the server masks it.
    expect(added).toEqual(results.at(-1)?.newSchema ? [`${cls.checksum} ${cls[DEFINITION].version}`] : []);
    if (slug === "aws-credentials") expect(added.length).toBe(1);
    expect([results.at(-1)?.change, await store.type({ slug })]).toEqual(["unchanged", before[1]]);
  });
}

describe.each(Object.entries(SERVERS))("%s", (_server, start) => {
  let server: PrefectServer;
  beforeAll(async () => {
    [server, store] = await start();
    python = await startPython(server.environment);
  });
  afterAll(async () => {
    await store?.close();
    await python?.stop();
    await server?.stop();
  });

  describe.each(Object.entries(samples))("%s", (_file, sample) => blockBetween(sample));
});
