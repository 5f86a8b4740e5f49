/**
 * `ashlar register`: the block classes that a module exports, made known to the store. Touches module.ts and the classes' own `register`.
 *
 * JSON: `{"types":[{"type","checksum","change","newSchema"}]}`; `change` is `created`, `updated` or `unchanged`.
 * @module
 */
import { type AnyBlockClass, isBlockClass } from "../definition.ts";
import { AshlarError } from "../errors.ts";
import type { Registered, Store } from "../stores/store.ts";
import { importModule } from "./module.ts";
import { print, table } from "./output.ts";
import type { Session } from "./session.ts";

/** A class of any installed copy registers itself by its own code. */
type Registering = AnyBlockClass & {
  readonly checksum: string;
  register(options: { store: Store; update: boolean }): Promise<readonly Registered[]>;
};

/** Imports first and registers then, so that a module that fails leaves nothing half done. */
export async function register(session: Session, [from = ""]: readonly string[], options: { update?: boolean }): Promise<void> {
  const store = await session.store();
  const classes = await exportedClasses(from);
  const types = new Map<string, Registered>();
  for (const cls of classes) {
    for (const each of await cls.register({ store, update: options.update === true })) {
      const key = `${each.type} ${each.checksum}`;
      if (!types.has(key)) types.set(key, each);
    }
  }
  const result = { types: [...types.values()] };
  print(session, result, () =>
    table(
      ["TYPE", "", "CHECKSUM"],
      result.types.map((each) => [each.type, stateOf(each), each.checksum.slice(0, "sha256:".length + 12)]),
    ),
  );
}

async function exportedClasses(from: string): Promise<Registering[]> {
  const exported = await importModule(from);
  const classes = [...new Set(Object.values(exported).filter(isBlockClass))] as Registering[];
  if (classes.length === 0)
    throw new AshlarError(
      "ERR_DEFINITION",
      `${from} exports no block class. Export one: export class X extends Block.define({ name: "X", fields: { … } }) {}`,
    );
  for (const cls of classes) void cls.checksum; // a class whose schema cannot be made says so here
  return classes;
}

function stateOf({ change, newSchema }: Registered): string {
  return change === "unchanged" && newSchema ? "new schema" : change;
}
