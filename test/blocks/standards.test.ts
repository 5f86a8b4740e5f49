/** What every block in blocks/ has to offer, asked of each file that lies there. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { inspect } from "node:util";
import { type AnyBlockClass, Block, type BlockStatics, type Fields, openStore, type Store } from "ashlar";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { DEFINITION, isBlockClass } from "../../src/definition.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { CANARY, samples } from "./samples.ts";

/** A JSON schema, as far as it is looked at here. */
interface Node {
  readonly description?: string;
  readonly secret_fields?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly definitions?: Readonly<Record<string, Node>>;
}

/** What Prefect's Python client makes of a class; written by test/interop/installed_blocks.py, which test/interop keeps from going stale. */
interface Original extends Readonly<Record<"name" | "slug" | "checksum", string>> {
  readonly description: string | null;
  readonly logo_url: string | null;
  readonly documentation_url: string | null;
  readonly capabilities: readonly string[];
  readonly fields: Node;
}
const fixture = readFileSync(join(import.meta.dirname, "../fixtures/installed-blocks.json"), "utf8");
const originals = new Map((JSON.parse(fixture) as { blocks: readonly Original[] }).blocks.map((each) => [each.slug, each]));

/** What is hidden here, and in clear in the Python class; no checksum counts it. */
const HIDDEN_HERE: Readonly<Record<string, readonly string[]>> = {
  "aws-credentials": ["aws_session_token"],
  "s3-bucket": ["credentials.aws_session_token"],
};
/** The classes of the blog describe nothing, and a description would count in their checksum. */
const UNDESCRIBED = ["azurecontainer", "icebergazurehadoop", "databricksconnectcluster"];

const folder = join(import.meta.dirname, "../../blocks");
/** What blocks share; not blocks themselves. */
const shared = ["aws-client", "azure-storage-account", "object-path", "optional-package", "outbound-request", "spark-configs"];
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

function originalOf(cls: Cls): Original {
  const original = originals.get(cls.slug);
  if (!original) throw new Error(`test/interop/installed_blocks.py has no class with the slug ${cls.slug}.`);
  return original;
}

/** A schema without the paths of its secrets, at every depth. */
function withoutSecretFields(fields: unknown): unknown {
  return JSON.parse(JSON.stringify(fields, (key, value: unknown) => (key === "secret_fields" ? undefined : value)));
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
  it("has the schema and the checksum of the Python class, and hides at least what that hides", async () => {
    const cls = await classIn(file);
    const original = originalOf(cls);
    expect(withoutSecretFields(cls.schema())).toEqual(withoutSecretFields(original.fields));
    expect(cls.checksum).toBe(original.checksum);
    expect(cls.schema().secret_fields).toEqual([...(original.fields.secret_fields ?? []), ...(HIDDEN_HERE[file] ?? [])]);
  });

  it("is called by its slug", async () => {
    // A slug that Python made of a class's name has no dashes.
    expect([file, file.replaceAll("-", "")]).toContain((await classIn(file)).slug);
  });

  it("keeps its checksum where a bundler renames it", async () => {
    const cls = await classIn(file);
    const renamed = { a: class extends cls {} }.a;
    expect(renamed.checksum).toBe(cls.checksum);
  });

  it("says of itself what the Python class says", async () => {
    const cls = await classIn(file);
    const { name, slug, description, logoUrl, documentationUrl, capabilities } = cls[DEFINITION];
    const said = { name, slug, description, logo_url: logoUrl, documentation_url: documentationUrl, capabilities };
    expect(originalOf(cls)).toMatchObject(said);
  });

  it("has a description, and a sentence for every field, those inside of its fields too", async () => {
    const cls = await classIn(file);
    const schema = cls.schema() as Node;
    const parts = Object.entries({ "": schema, ...schema.definitions })
      .filter(([name]) => !UNDESCRIBED.includes(name === "" ? cls.slug : name.toLowerCase()))
      .flatMap(([name, node]) => [
        [name, node] as const,
        ...Object.entries(node.properties ?? {}).map(([key, item]) => [`${name}.${key}`, item] as const),
      ])
      // JsonValue is any JSON: pydantic says nothing of it.
      .filter(([name]) => name !== "JsonValue");
    const mute = parts.filter(([, { description }]) => !/^[A-Z][\s\S]*\.$/.test(description ?? "")).map(([name]) => name);
    expect(mute).toEqual([]);
    if (!UNDESCRIBED.includes(cls.slug)) expect(parts.length).toBeGreaterThan(1);
  });

  it("has an example in TypeScript", async () => {
    const { codeExample } = (await classIn(file))[DEFINITION];
    expect(codeExample).toMatch(/^```typescript\nimport .* from "[^"]+";\n/);
    expect(codeExample).toContain(`ashlar/blocks/${file}`);
    expect(codeExample).toContain('.load("BLOCK_NAME")');
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

describe.each([...files, ...shared])("blocks/%s.ts, its text", (file) => {
  const source = readFileSync(join(folder, `${file}.ts`), "utf8");

  it("says at the top what it is", () => {
    expect(source).toMatch(/^\/\*\*\n \* [\s\S]*? \* @module\n \*\//);
  });

  it("imports public names, optional peers and Node's own modules only", () => {
    const specifiers = [...source.matchAll(/^(?:import|export|\}) .*from "([^"]+)"|import\("([@a-z][^"]*)"\)/gm)].map(
      (match) => match[1] ?? match[2] ?? "",
    );
    const isPublic = (name: string) => /^(ashlar(\/blocks\/[a-z0-9-]+)?|node:.+)$/.test(name) || name in packageJson.peerDependencies;
    expect(specifiers.filter((name) => !isPublic(name))).toEqual([]);
    expect(specifiers.length).toBeGreaterThan(0);
  });
});

it("there is a sample for every file, and a file for every class of the Python script", async () => {
  expect(Object.keys(samples).sort()).toEqual([...files].sort());
  const slugs = await Promise.all(files.map(async (file) => (await classIn(file)).slug));
  expect(slugs.sort()).toEqual([...originals.keys()].sort());
});
