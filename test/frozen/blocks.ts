/**
 * The classes of the frozen store, and of the leak matrix: a field of every kind, secrets at every depth, blocks that refer to blocks. What is
 * declared here is frozen too: the stores that were made with it must open forever. A new kind of field gets a class of its own.
 */
import { Block, block, bytes, secret } from "ashlar";
import { z } from "zod";

export class FrozenLeaf extends Block.define({
  name: "Frozen Leaf",
  fields: { user: z.string(), token: secret(), headers: secret(z.record(z.string(), z.string())).optional() },
}) {}

export class FrozenMiddle extends Block.define({
  name: "Frozen Middle",
  fields: { label: z.string(), first: FrozenLeaf, others: z.array(block(FrozenLeaf)), byName: z.record(z.string(), block(FrozenLeaf)) },
}) {}

interface Tree {
  name: string;
  children?: Tree[] | undefined;
}
const Tree: z.ZodType<Tree, Tree> = z
  .object({
    name: z.string(),
    get children() {
      return z.array(Tree).optional();
    },
  })
  .meta({ id: "FrozenTree" });

export class FrozenEverything extends Block.define({
  name: "Frozen Everything",
  description: "A field of every kind.",
  fields: {
    text: z.string().describe("Any text."),
    float: z.number(),
    int: z.int(),
    yes: z.boolean(),
    choice: z.enum(["red", "green"]),
    literal: z.literal(["a", 1, true, null]),
    date: z.date(),
    instant: z.iso.datetime(),
    big: z.bigint(),
    utf8: bytes(),
    base64: bytes("base64"),
    list: z.array(z.array(z.int())),
    tuple: z.tuple([z.string(), z.int()], z.date()),
    record: z.record(z.string(), z.number()),
    object: z.object({ x: z.number(), labelText: z.string().optional() }),
    union: z.union([z.string(), z.number(), z.array(z.boolean())]),
    optional: z.string().optional(),
    unset: z.string().optional(),
    nullable: z.string().nullable(),
    withDefault: z.string().default("d"),
    tree: Tree,
    json: z.json(),
    accountURL: z.url(),
    password: secret(),
    maybe: secret().optional(),
    pin: secret(z.int()),
    hidden: secret(z.json()),
    hiddenBytes: secret(bytes("base64")),
    hiddenDate: secret(z.date()),
    hiddenList: z.array(secret()),
    hiddenRecord: z.record(z.string(), secret()),
    deep: z.object({ deeper: z.array(z.object({ token: secret(z.object({ a: z.string() })) })) }),
    either: z.union([z.int(), secret()]),
    middle: FrozenMiddle,
    inline: FrozenLeaf,
  },
}) {}

/** A leaf. @param canary stands in every secret. */
export function leaf(user: string, canary: string): FrozenLeaf {
  return new FrozenLeaf({ user, token: `${canary} of ${user}`, headers: { authorization: canary, "x/~ odd": canary } });
}

/** A middle over leaves. */
export function middle(first: FrozenLeaf, other: FrozenLeaf, canary: string): FrozenMiddle {
  return new FrozenMiddle({ label: "of three", first, others: [other, leaf("inline", canary)], byName: { "a/b": first } });
}

/** One of everything. @param canary stands in every secret text. */
export function everything(over: FrozenMiddle, canary: string): FrozenEverything {
  return new FrozenEverything({
    text: "größe \u{1F600} \u0000 \u2028 \\ \" '",
    float: 1.5e-7,
    int: Number.MAX_SAFE_INTEGER,
    yes: false,
    choice: "green",
    literal: null,
    date: new Date("2024-02-29T12:34:56.789Z"),
    instant: "2024-02-29T12:34:56Z",
    big: -(2n ** 100n),
    utf8: new TextEncoder().encode("é"),
    base64: new Uint8Array([0, 255, 128, 10]),
    list: [[], [1, -2]],
    tuple: ["t", 3, new Date(0)],
    record: { "": 0, constructor: 1, "a/b~c": 2 },
    object: { x: 1, labelText: "l" },
    union: [true],
    optional: "there",
    nullable: null,
    tree: { name: "root", children: [{ name: "leaf", children: [] }] },
    json: { a: [null, { b: 1.5 }] },
    accountURL: "https://example.invalid/a?b#c",
    password: canary,
    maybe: canary,
    pin: 5512309,
    hidden: { user: canary, [canary]: [canary, 1, null] },
    hiddenBytes: new TextEncoder().encode(canary),
    hiddenDate: new Date("1999-12-31T23:59:59Z"),
    hiddenList: [canary, "second"],
    hiddenRecord: { one: canary, "a/b": canary },
    deep: { deeper: [{ token: { a: canary } }] },
    either: canary,
    middle: over,
    inline: leaf("inside", canary),
  });
}
