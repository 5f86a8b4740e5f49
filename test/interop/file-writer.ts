/**
 * Run by file-syscalls.test.ts under strace: one change of a store in files, then `done`; of an error its code. Arguments: folder, which change;
 * `in-place` writes as nobody should (the control).
 */
import { openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAshlarError, openStore } from "../../src/index.ts";
import { at, over, part } from "../../src/testing/store-subject.ts";

const [folder = "", change] = process.argv.slice(2);
const url = `file:${folder}`;
const store = await openStore(url, { create: change === "init" });
const changes: Readonly<Record<string, () => Promise<unknown>>> = {
  init: async () => {},
  overwrite: () => store.save(part("child", { data: { n: 2 } }), { overwrite: true }),
  create: async () => store.save(over("fresh", await store.inspect(at("child")))),
  cascade: () => store.delete(at("child"), { cascade: true }),
  "in-place": async () => {
    const path = join(folder, "part/child.json");
    const text = readFileSync(path, "utf8");
    writeFileSync(openSync(path, "w"), text);
  },
};
const outcome = await (changes[change ?? ""] ?? (() => Promise.reject(new TypeError("no such change"))))().then(
  () => "done",
  (error: unknown) => (isAshlarError(error) ? error.code : "ERR_UNEXPECTED"),
);
process.stdout.write(`${outcome}\n`);
