/** Several processes on one SQLite file. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { openStore } from "../../src/index.ts";
import { loaded } from "../../src/testing/store-subject.ts";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import { temporaryFolder } from "../temporary.ts";

const run = promisify(execFile);

describe("four processes", () => {
  it("that make the store at once and add to one number by compare-and-swap lose nothing", async () => {
    const path = join(temporaryFolder(), "a.db");
    const key = keyText(generateKey());
    const { NODE_OPTIONS: _own, ...env } = process.env;
    const script = join(import.meta.dirname, "increments.ts");
    const processes = Array.from({ length: 4 }, () =>
      run(process.execPath, [script, `sqlite:${path}`, "25"], { env: { ...env, ASHLAR_KEYS: key } }),
    );
    const results = (await Promise.all(processes)).map(({ stdout }) => JSON.parse(stdout) as { lost: number; id: string });
    expect(new Set(results.map(({ id }) => id)).size).toBe(1);
    const document = await loaded(await openStore(`sqlite:${path}`, { keys: [key] }), "counter");
    expect([document.data.count, document.revision, document.secrets["/token"]?.reveal()]).toEqual([100, 101, 100]);
  });
});
