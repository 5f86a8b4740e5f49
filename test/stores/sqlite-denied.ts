/**
 * Run by sqlite-file.test.ts: what a user without rights is told. Arguments: path of the file, whether to make it. Root has all rights, so it
 * becomes another user first.
 */
import { sqliteBackend } from "../../src/backends/sqlite.ts";
import { isAshlarError } from "../../src/errors.ts";

const [path = "", create] = process.argv.slice(2);
await import("node:sqlite");
if (process.geteuid?.() === 0) process.setuid?.(65_534);

async function codeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
    return "done";
  } catch (error) {
    return isAshlarError(error) ? error.code : String(error);
  }
}

const result: Record<string, string> = {};
result.open = await codeOf(async () => {
  const backend = await sqliteBackend({ path, create: create === "create" });
  const id = "11111111-1111-4111-8111-111111111111";
  const head = {
    id,
    kind: "document",
    type: "part",
    name: "one",
    schema: "",
    revision: 1,
    created: "",
    updated: "",
    updatedBy: "",
  } as const;
  result.get = await codeOf(() => backend.get({ kind: "document", type: "part", name: "one" }));
  result.put = await codeOf(() => backend.put({ ...head, data: {}, references: {}, secrets: {}, sealed: "" }, null));
  result.remove = await codeOf(() => backend.remove([{ id, revision: 1 }]));
  await backend.close();
});
process.stdout.write(JSON.stringify(result));
