/** Small Python classes, each beside its TypeScript counterpart: the same schemas and checksums. */
import { z } from "zod";
import { Block, block, bytes, secret } from "../src/index.ts";
import { describeCases, fixture } from "./schema-cases.ts";

class Empty extends Block.define({ name: "Empty", fields: {} }) {}

class Formats extends Block.define({
  name: "Formats",
  fields: {
    when: z.date(),
    day: z.iso.date(),
    dur: z.iso.duration().default("PT1S"),
    p: z.string().meta({ format: "path" }),
    u: z.uuid(),
    url: z.url().min(1).max(2083),
    dec: z.union([z.number(), z.string().regex(/^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$/)]),
    by: bytes(),
    n: z.int().min(1).max(10),
    st: z.string().min(1).max(5).regex(/^a+$/),
  },
}) {}

const Inner = z.object({ pw: secret(), user: z.string() }).meta({ id: "Inner", description: "An inner model" });
class UsesModel extends Block.define({
  name: "UsesModel",
  fields: { inner: Inner, maybe: Inner.optional(), many: z.array(Inner).default([]) },
}) {}

class Child extends Block.define({ name: "Child", fields: { a: secret(), b: z.string(), c: secret(z.record(z.string(), z.any())) } }) {}
class Parent extends Block.define({ name: "Parent", fields: { a: secret(), b: z.string(), child: Child } }) {}

class UA extends Block.define({ name: "UA", fields: { a: z.string() } }) {}
class UB extends Block.define({ name: "UB", fields: { b: secret() } }) {}
class UnionParent extends Block.define({ name: "UnionParent", fields: { aOrB: z.union([block(UA), block(UB)]) } }) {}

class Dup extends Block.define({
  name: "Dup",
  fields: { x: z.record(z.string(), z.union([block(UA), z.array(block(UA))])) },
}) {}

const Fruit = z.enum(["APPLE", "PEAR"]).meta({ id: "Fruit" });
class Leaf extends Block.define({ name: "Leaf", fields: { v: z.int() } }) {}
class Mid1 extends Block.define({ name: "Mid1", fields: { leaf: Leaf } }) {}
class Mid2 extends Block.define({ name: "Mid2", fields: { leaf: Leaf, fruit: Fruit.default("PEAR") } }) {}
class Top extends Block.define({ name: "Top", fields: { m1: Mid1, m2: Mid2 } }) {}

class AliasBlock extends Block.define({
  name: "AliasBlock",
  fields: {
    type: z.string(),
    schema_: z.string().meta({ key: "schema" }),
    realName: secret().meta({ key: "an_alias" }),
    threads: z.int().default(4),
  },
}) {}

class Unicode extends Block.define({
  name: "Unicode",
  description: "Ünïcode ☃ \u{1F600} <tag> & more",
  fields: { x: z.string().default("é") },
}) {}

class Base1 extends Block.define({ name: "Base1", fields: { z: z.int(), y: z.int().default(0) } }) {}
class Derived extends Base1.extend({ name: "Derived", fields: { a: z.string(), z: z.string() } }) {}

class Extras extends Block.define({
  name: "Extras",
  fields: {
    x: z
      .string()
      .default("q")
      .meta({
        title: "The X",
        description: "desc",
        examples: ["e1", { k: 1.5 }],
        foo: { additionalProperties: 1, secret_fields: [1] },
      }),
  },
}) {}

describeCases("synthetic classes", fixture<{ cases: never[] }>("synthetic-schemas.json").cases, {
  Empty,
  Formats,
  UsesModel,
  Parent,
  UnionParent,
  Dup,
  Top,
  AliasBlock,
  Unicode,
  Derived,
  Extras,
});
