/** `ashlar generate`: from a store, from files in every form, and back again: what it wrote registers as the same types and loads their documents. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { BLOCKS, Workplace } from "./workplace.ts";

const place = new Workplace();
const fixture = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8");
const read = (name: string) => readFileSync(join(place.folder, name), "utf8");

async function refused(command: string, input?: string): Promise<string> {
  const { code, stdout, stderr } = input === undefined ? await place.run(command) : await place.feed(input, command);
  expect(stdout).toBe("");
  return `${code} ${place
    .steady(stderr)
    .replace(/^error: /, "")
    .trimEnd()}`;
}

beforeAll(async () => {
  place.write("package.json", '{ "type": "module" }');
  place.write("blocks.ts", BLOCKS);
  await place.run("init");
});

describe("from a store", () => {
  it("without types says what makes some", async () => {
    expect(await refused("generate")).toBe(
      '66 sqlite:~/data/ashlar/ashlar.db knows no block types: "ashlar register FILE" makes the block classes of a file known.',
    );
  });

  it("writes all types, or those named and what they nest, and nothing else to standard output", async () => {
    await place.run("register blocks.ts");
    const { code, stdout, stderr } = await place.run("generate");
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatchInlineSnapshot(`
      "// Made by "ashlar generate" from block schemas, and made anew when they change: what is written into it is lost then.
      // Methods go into a class that extends one of these, under the same name.

      import { Block, block, secret } from "ashlar";
      import { z } from "zod";

      /** Where bytes are kept. More of it. */
      export class Account extends Block.define({
        name: "Account",
        description: "Where bytes are kept. More of it.",
        fields: {
          user: z.string().describe("Who."),
          token: secret().describe("The token."),
          pin: secret(z.int()).optional(),
          headers: secret(z.record(z.string(), z.string())).optional(),
          retries: z.int().default(3),
          tags: z.array(z.string()).default([]),
        },
      }) {}

      export class Other extends Block.define({
        name: "Other",
        fields: {
          token: secret(),
        },
      }) {}

      export class Service extends Block.define({
        name: "Service",
        fields: {
          host: z.string(),
          account: Account,
          more: z.array(block(Account)).optional(),
          either: z.union([block(Account), block(Other)]).optional(),
        },
      }) {}
      "
    `);
    expect((await place.run("generate service")).stdout).toBe(stdout);
    expect((await place.run("generate other")).stdout.match(/^export class .*/gm)).toEqual(["export class Other extends Block.define({"]);
  });

  it("gives as JSON the text and what is in it, and says in a table what it wrote to a file", async () => {
    const result = await place.json("generate other");
    const checksum = expect.stringMatching(/^sha256:[0-9a-f]{64}$/);
    expect(result).toEqual({
      source: (await place.run("generate other")).stdout,
      types: [{ type: "other", name: "Other", checksum, ownText: null }],
    });
    expect(await place.json("generate other --out other.ts")).toEqual(result);
    const { stdout } = await place.run("generate --out generated.ts");
    expect(place.steady(stdout)).toMatchInlineSnapshot(`
      "TYPE     CLASS    CHECKSUM
      account  Account  sha256:SUM
      other    Other    sha256:SUM
      service  Service  sha256:SUM
      "
    `);
    expect(read("other.ts")).toBe(result.source);
    expect(read("generated.ts")).toBe((await place.run("generate")).stdout);
  });

  it("what it wrote is the same types: registering changes nothing, and documents load typed", async () => {
    const { types } = (await place.json("register generated.ts")) as unknown as { types: { change: string; newSchema: boolean }[] };
    expect(types.map(({ change, newSchema }) => [change, newSchema])).toEqual(Array(3).fill(["unchanged", false]));
    await place.feed("{ user: me, token: { env: TOKEN }, headers: { a: b } }", "create account/main", { TOKEN: "canary-generate" });
    await place.feed("{ host: h, account: { ref: account/main } }", "create service/web");
    place.write(
      "flow.ts",
      `import { Account, Service } from "./generated.ts";
       class Typed extends Service { shown(): string { return \`\${this.host} \${this.account.user} \${this.account.retries}\`; } }
       const service = await Typed.load("web");
       console.log(service.shown(), service.account instanceof Account, service.account.token.reveal() === process.env.TOKEN);`,
    );
    expect((await place.node(["flow.ts"], { TOKEN: "canary-generate" })).stdout).toBe("h me 3 true true\n");
  });

  it("names the nearest type, and what must not go together", async () => {
    expect(await refused("generate servce")).toBe(
      '66 sqlite:~/data/ashlar/ashlar.db knows no block type "servce". Did you mean "service"?',
    );
    const usage = "64 --schema stands in place of a store and its types: give it without --store and without a slug.";
    expect(await refused("generate other --schema a.json")).toBe(usage);
    expect(await refused("generate --store memory: --schema a.json")).toBe(usage);
  });

  it("does not write over a file that people wrote", async () => {
    expect(await refused("generate --out blocks.ts")).toBe(
      '73 blocks.ts was not made by "ashlar generate", so it stays as it is. Name another file, or remove it.',
    );
    expect(read("blocks.ts")).toBe(BLOCKS);
    expect(await refused("generate --out nowhere/blocks.ts")).toBe("66 There is no folder for the file nowhere/blocks.ts.");
    expect(await refused("generate --out node_modules")).toBe("65 node_modules is a folder, not a file.");
  });
});

describe("from a schema as JSON", () => {
  const inspected = fixture("wire-type-inspect.json");
  const { block_type, schema } = JSON.parse(inspected) as { block_type: object; schema: { fields: { title: string }; checksum: string } };

  it("takes what prefect block type inspect prints, what the API answers, and bare fields, from a file or standard input", async () => {
    const whole = (await place.feed(inspected, "generate --schema -")).stdout;
    expect(whole).toContain('export class DatabricksCredentials extends Block.define({\n  name: "Databricks Credentials",\n');
    place.write("answer.json", JSON.stringify({ ...schema, block_type }));
    expect((await place.run("generate --schema answer.json")).stdout).toBe(whole);
    const bare = await place.feed(JSON.stringify(schema.fields), "generate --schema - --json");
    expect(JSON.parse(bare.stdout)).toMatchObject({
      types: [{ type: "databricks-credentials", name: "DatabricksCredentials", checksum: schema.checksum }],
    });
  });

  it("takes what ashlar type inspect --json prints, and needs no store", async () => {
    const text = (await place.run("type inspect account --json")).stdout;
    const elsewhere = { XDG_DATA_HOME: join(place.folder, "elsewhere") };
    expect((await place.feed(text, "generate --schema -", elsewhere)).stdout).toBe((await place.run("generate account")).stdout);
  });

  it("takes a schema of pydantic's own, which has no slug", async () => {
    const fields = {
      title: "My Model",
      type: "object",
      properties: { a: { $ref: "#/$defs/A" } },
      $defs: { A: { type: "object", title: "A", properties: {} } },
    };
    expect((await place.feed(JSON.stringify(fields), "generate --schema -")).stdout).toMatch(/name: "My Model",\n {2}title: "My Model",/);
  });

  it("refuses anything else in one sentence that does not quote it", async () => {
    const hint =
      "It has to be a block schema as JSON: its fields alone, what Prefect's API answers, or what prefect block type inspect SLUG -o json prints.";
    place.write("bad.json", '{"canary-bad');
    expect(await refused("generate --schema bad.json")).toBe(`65 bad.json is no JSON. ${hint}`);
    for (const other of [
      '{"canary-bad":1}',
      "[]",
      '"canary-bad"',
      '{"fields":5}',
      '{"schema":null,"block_type":{}}',
      '{"properties":{},"title":"☃"}',
    ])
      expect(await refused("generate --schema -", other)).toBe(`65 standard input is no block schema. ${hint}`);
    expect(await refused("generate --schema gone.json")).toBe("66 There is no file gone.json.");
    const deep = `{"title":"D","properties":${'{"items":'.repeat(70)}{}${"}".repeat(70)}}`;
    expect(await refused("generate --schema -", deep)).toBe("65 The schema of d is nested deeper than 64 levels.");
    expect(place.printed).not.toContain("canary-bad");
  });
});

it("no secret was printed", () => expect(place.printed).not.toContain("canary-generate"));
