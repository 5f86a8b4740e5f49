/** Type tests of blocks: what `tsc` must accept, and what it must refuse. Checked by `npm run check:types`; never run. */
import { Block, type BlockInput, block, bytes, type DocumentLink, type InputOf, Secret, secret } from "ashlar";
import { z } from "zod";
import { type Equals, holds, type IsAny } from "./equals.ts";

class Credentials extends Block.define({
  name: "Typed Credentials",
  fields: { accountName: z.string(), token: secret(), note: z.string().optional() },
}) {
  header(): string {
    return `Bearer ${this.token.reveal()}`;
  }
}

class Webhook extends Block.define({ name: "Typed Webhook", fields: { url: secret(z.url()), retries: z.int().default(3) } }) {}

const fields = {
  host: z.string(),
  port: z.int().default(443),
  started: z.date().optional(),
  size: z.codec(z.string(), z.bigint(), { decode: BigInt, encode: String }),
  data: bytes("base64"),
  limits: secret(z.object({ most: z.number() })),
  maybe: secret().optional(),
  keys: z.record(z.string(), secret()),
  credentials: Credentials,
  spare: block(Credentials).optional(),
  hooks: z.array(block(Webhook)).default([]),
  either: z.union([block(Credentials), block(Webhook)]),
  nullable: z.string().nullable(),
};

class Service extends Block.define({ name: "Typed Service", fields }) {
  url(): string {
    return `https://${this.host}:${this.port}`;
  }
}

declare const service: Service;

// What an instance holds is zod's output, and read-only.
holds<Equals<typeof service.host, string>>();
holds<Equals<typeof service.port, number>>();
holds<Equals<typeof service.started, Date | undefined>>();
holds<Equals<typeof service.size, bigint>>();
holds<Equals<typeof service.data, Uint8Array>>();
holds<Equals<typeof service.limits, Secret<{ most: number }>>>();
holds<Equals<typeof service.maybe, Secret<string> | undefined>>();
holds<Equals<typeof service.keys, Record<string, Secret<string>>>>();
holds<Equals<typeof service.credentials, Credentials>>();
holds<Equals<typeof service.spare, Credentials | undefined>>();
holds<Equals<typeof service.hooks, Webhook[]>>();
holds<Equals<typeof service.either, Credentials | Webhook>>();
holds<Equals<typeof service.nullable, string | null>>();
holds<Equals<ReturnType<typeof service.url>, string>>();
holds<Equals<typeof service.document, DocumentLink | null>>();
// @ts-expect-error: read-only
service.host = "h";
// @ts-expect-error: a secret is no string
service.credentials.token satisfies string;
// @ts-expect-error: no such field
service.hots;

// What `new` takes is zod's input.
type Input = ConstructorParameters<typeof Service>[0];
holds<Equals<Input, InputOf<typeof fields>>>();
holds<Equals<Input["host"], string>>();
holds<Equals<Input["port"], number | undefined>>();
holds<Equals<Input["started"], Date | undefined>>();
holds<Equals<Input["size"], string>>();
holds<Equals<Input["data"], string | Uint8Array>>();
holds<Equals<Input["maybe"], string | Secret<string> | undefined>>();
holds<Equals<Input["credentials"], BlockInput<typeof Credentials>>>();
holds<Equals<IsAny<Input["credentials"]>, false>>();
holds<Equals<IsAny<Input["either"]>, false>>();
holds<Equals<keyof Input, keyof typeof fields>>();

const credentials = new Credentials({ accountName: "me", token: "t" });
const base = { host: "h", size: "5", data: new Uint8Array(), limits: { most: 1 }, keys: {}, nullable: null } as const;
new Service({ ...base, credentials, either: credentials });
new Service({ ...base, credentials: { accountName: "me", token: new Secret("t") }, either: { url: "https://a.invalid" } });
new Service({ ...base, credentials, either: { url: "https://a.invalid", blockTypeSlug: "typed-webhook" }, hooks: [{ url: "u" }] });
new Service({ ...base, credentials, either: credentials, started: undefined });
// @ts-expect-error: a field is missing
new Credentials({ accountName: "me" });
// @ts-expect-error: a wrong type
new Credentials({ accountName: 5, token: "t" });
// @ts-expect-error: a field that is none
new Credentials({ accountName: "me", token: "t", tokn: "t" });
// @ts-expect-error: a field that is none, inside
new Service({ ...base, credentials: { accountName: "me", token: "t", tokn: "t" }, either: credentials });
// @ts-expect-error: another block
new Service({ ...base, credentials: new Webhook({ url: "u" }), either: credentials });
// @ts-expect-error: a Secret of another type
new Credentials({ accountName: "me", token: new Secret(5) });
// @ts-expect-error: null is not unset
new Credentials({ accountName: "me", token: "t", note: null });

// Loading gives the class itself.
async function loads() {
  const loaded = await Service.load("n");
  holds<Equals<typeof loaded, Service>>();
  const any = await Block.load("typed-service/n");
  holds<Equals<typeof any, Block>>();
  const saved = await service.save("n", { ifRevision: 1 });
  holds<Equals<typeof saved, Service>>();
  // @ts-expect-error: the name is text
  await Service.load(5);
}

// `with` knows the fields and keeps the class.
const copy = service.with({ port: 1, credentials: { accountName: "a", token: "b" }, started: undefined });
holds<Equals<typeof copy, Service>>();
// @ts-expect-error: no such field
service.with({ prot: 1 });
// @ts-expect-error: a wrong type
service.with({ port: "1" });
// @ts-expect-error: what is required is not unset
service.with({ host: undefined });

// `extend` keeps fields and methods; a field given again takes the new type, a new one is there.
class Regional extends Service.extend({
  name: "Typed Regional",
  fields: { region: z.string(), host: z.literal(["a", "b"]), nullable: z.int().optional() },
  check({ region, host, port }, refuse) {
    holds<Equals<typeof region, string>>();
    holds<Equals<typeof host, "a" | "b">>();
    holds<Equals<typeof port, number>>();
    if (host === "a") refuse("is not for this region", "region");
    // @ts-expect-error: no such field
    refuse("", "regoin");
  },
}) {
  where(): string {
    return `${this.region} ${this.url()}`;
  }
}
declare const regional: Regional;
holds<Equals<typeof regional.region, string>>();
holds<Equals<typeof regional.host, "a" | "b">>();
holds<Equals<typeof regional.port, number>>();
holds<Equals<typeof regional.nullable, number | undefined>>();
holds<Equals<ReturnType<typeof regional.url>, string>>();
holds<Equals<ConstructorParameters<typeof Regional>[0]["host"], "a" | "b">>();
holds<Equals<Awaited<ReturnType<typeof Regional.load<typeof Regional>>>, Regional>>();
const moved = regional.with({ region: "r" });
holds<Equals<typeof moved, Regional>>();

class Twice extends Regional.extend({ fields: { again: z.boolean() } }) {}
declare const twice: Twice;
holds<Equals<typeof twice.again, boolean>>();
holds<Equals<typeof twice.region, string>>();
holds<Equals<ReturnType<typeof twice.where>, string>>();

// A check over all fields sees them.
Block.define({
  name: "Typed Checked",
  fields: { least: z.int(), most: z.int().optional() },
  check({ least, most }, refuse) {
    holds<Equals<typeof least, number>>();
    holds<Equals<typeof most, number | undefined>>();
    refuse("is too small", "least");
  },
});

// Names that every block has are refused.
// @ts-expect-error: reserved
Block.define({ name: "Typed Reserved", fields: { save: z.string() } });
// @ts-expect-error: reserved
Block.define({ name: "Typed Reserved", fields: { __private: z.string() } });
// @ts-expect-error: reserved
Service.extend({ fields: { equals: z.string() } });
// @ts-expect-error: no schema
Block.define({ name: "Typed Wrong", fields: { a: "string" } });

// A class without fields may have methods.
class Empty extends Block.define({ name: "Typed Empty", fields: {} }) {
  size(): number {
    return 0;
  }
}
holds<Equals<ReturnType<Empty["size"]>, number>>();
new Empty({});

// A secret shows its type to `reveal` only.
declare const secretOf: Secret<{ a: number }>;
const revealed = secretOf.reveal();
holds<Equals<typeof revealed, { a: number }>>();
const shown = `${secretOf}`;
holds<Equals<typeof shown, string>>();

export { loads };
