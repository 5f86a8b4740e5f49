/** What every block in blocks/ has to offer, asked of each file that lies there. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { inspect } from "node:util";
import { type AnyBlockClass, Block, type BlockStatics, type Fields, openStore, type Store } from "ashlar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DEFINITION, isBlockClass } from "../../src/definition.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { CANARY, samples } from "./samples.ts";

interface Fixture {
  readonly checksum: string;
  readonly capabilities: readonly string[];
  readonly fields: { readonly description?: string; readonly properties: Readonly<Record<string, { readonly description?: string }>> };
  readonly block_type?: Readonly<Record<"name" | "slug" | "logo_url" | "documentation_url" | "description", string | null>>;
}
interface Named extends Fixture {
  readonly class_name: string;
}

const fixtureFolder = join(import.meta.dirname, "../fixtures");
const read = (file: string): unknown => JSON.parse(readFileSync(join(fixtureFolder, file), "utf8"));
const shipped = (read("shipped-schemas.json") as { blocks: readonly Named[] }).blocks;
const blog = (read("blog-blocks.json") as { prefect_3_8: readonly Named[] }).prefect_3_8;
const today = (read("collection-blog-blocks.json") as { blocks: readonly Named[] }).blocks;

/** Which Python class each file is held against. */
const originals: Readonly<Record<string, Named | undefined>> = {
  secret: shipped.find((each) => each.class_name === "Secret"),
  "azure-blob-storage-credentials": shipped.find((each) => each.class_name === "AzureBlobStorageCredentials"),
  "databricks-credentials": shipped.find((each) => each.class_name === "DatabricksCredentials"),
  azure: blog.find((each) => each.class_name === "Azure"),
  "azure-container": blog.find((each) => each.class_name === "AzureContainer"),
  "iceberg-azure-hadoop": blog.find((each) => each.class_name === "IcebergAzureHadoop"),
  "databricks-connect-cluster": today.find((each) => each.class_name === "DatabricksConnectCluster"),
};

const folder = join(import.meta.dirname, "../../blocks");
/** What blocks share; not blocks themselves. */
const shared = ["azure-storage-account", "spark-configs"];
const files = readdirSync(folder)
  .map((file) => basename(file, ".ts"))
  .filter((file) => !shared.includes(file));

type Cls = AnyBlockClass & BlockStatics<Fields>;
async function classIn(file: string): Promise<Cls> {
  const exported: unknown[] = Object.values((await import(`../../blocks/${file}.ts`)) as object);
  const classes = exported.filter(isBlockClass);
  expect(classes).toHaveLength(1);
  return classes[0] as Cls;
}

const scratch = mkdtempSync(join(tmpdir(), "ashlar-blocks-"));
const stores: Store[] = [];
beforeAll(async () => {
  const options = { create: true, keys: [keyText(generateKey())] };
  stores.push(await openStore("memory:"), await openStore(`sqlite:${join(scratch, "store.db")}`, options));
});
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()));
  rmSync(scratch, { recursive: true });
});

describe.each(files)("blocks/%s.ts", (file) => {
  it("has the schema and the checksum of the Python class", async () => {
    const cls = await classIn(file);
    expect(cls.schema()).toEqual(originals[file]?.fields);
    expect(cls.checksum).toBe(originals[file]?.checksum);
  });

  it("keeps its checksum where a bundler renames it", async () => {
    const cls = await classIn(file);
    const renamed = { a: class extends cls {} }.a;
    expect(renamed.checksum).toBe(cls.checksum);
  });

  it("says of itself what the Python class says", async () => {
    const definition = (await classIn(file))[DEFINITION];
    const original = originals[file];
    expect(definition.capabilities).toEqual(original?.capabilities);
    expect(definition.description).toBe(original?.fields.description ?? null);
    if (!original?.block_type) return;
    const { name, slug, logoUrl, documentationUrl, description } = definition;
    const { code_example: _python, ...theirs } = original.block_type as Record<string, unknown>;
    expect({ name, slug, logo_url: logoUrl, documentation_url: documentationUrl, description }).toEqual(theirs);
  });

  it("describes every field that the Python class describes, and has a module text and a TypeScript example", async () => {
    const definition = (await classIn(file))[DEFINITION];
    expect(definition.codeExample).toMatch(/```typescript\nimport .* from "ashlar\/blocks\/[^"]+";\n/);
    expect(definition.codeExample).toContain(`ashlar/blocks/${file}`);
    expect(readFileSync(join(folder, `${file}.ts`), "utf8")).toMatch(/^\/\*\*\n \* [\s\S]*? \* @module\n \*\//);
  });

  it("imports public names only", () => {
    const source = readFileSync(join(folder, `${file}.ts`), "utf8");
    const specifiers = [...source.matchAll(/(?:^|\s)from "([^"]+)"|import\("([^"]+)"\)/g)].map((match) => match[1] ?? match[2]);
    for (const specifier of specifiers) expect(specifier).toMatch(/^(ashlar(\/blocks\/[a-z-]+)?|zod|@azure\/[a-z-]+)$/);
  });

  it("comes back from stores of memory and SQLite as it went in, and shows no secret on the way", async () => {
    const cls = await classIn(file);
    const sample = samples[file] as Block;
    expect(sample).toBeInstanceOf(cls);
    for (const store of stores) {
      const document = await sample.with({}).save("sample", { store });
      const loaded = await cls.load("sample", { store });
      expect(loaded.equals(sample)).toBe(true);
      expect((await Block.load(`${cls.slug}/sample`, { store })).equals(sample)).toBe(true);
      for (const shown of [document, loaded, await cls.list({ store })]) {
        expect(`${JSON.stringify(shown)}${inspect(shown, { depth: 20, showHidden: true })}${String(shown)}`).not.toContain(CANARY);
      }
    }
  });
});

it("there is a sample and a Python original for every file", () => {
  expect(Object.keys(samples).sort()).toEqual([...files].sort());
  expect(Object.keys(originals).sort()).toEqual([...files].sort());
});
