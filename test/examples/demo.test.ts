/** `npm run demo`, as a whole. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { ROWS_A_DAY } from "../../examples/bnt-hourly-traffic/open-data.ts";

const DEMO = fileURLToPath(new URL("../../examples/bnt-hourly-traffic/demo.ts", import.meta.url));

test("the demo runs every command, shows no secret, cleans up, and says what is next", { timeout: 60_000 }, () => {
  const temporary = mkdtempSync(join(tmpdir(), "demo-test-"));
  try {
    const started = Date.now();
    const { status, stdout, stderr } = spawnSync(process.execPath, [DEMO], {
      encoding: "utf8",
      env: { ...process.env, TMPDIR: temporary },
    });
    expect([status, stderr]).toEqual([0, ""]);
    expect(Date.now() - started).toBeLessThan(20_000);
    const output = stripVTControlCharacters(stdout);
    const week = (7 * ROWS_A_DAY).toLocaleString("en-US");
    expect(output).toContain("5 created, 0 changed, 0 unchanged.");
    expect(output).toMatch(/azure_storage_connection_string.*\*{8}/);
    expect(output).toContain(`uploaded  ${week} rows`);
    expect(output).toContain("abfss://mta-demo@mtademo.dfs.core.windows.net/stage/bnt_traffic_hourly.json");
    expect(output).toContain("fs.azure.account.key.mtademo.dfs.core.windows.net = ********");
    expect(output).toContain(`\n${week} rows, `);
    expect(output).toContain("0 created, 0 changed, 5 unchanged.");
    expect(output.trimEnd().split("\n").slice(-6)).toEqual([
      "Done, and cleaned up. What you can type next:",
      expect.stringContaining("npx ashlar init"),
      expect.stringContaining("flow.ts --help"),
      expect.any(String),
      expect.stringContaining("README.md"),
      expect.stringContaining("README.md"),
    ]);
    expect(output).not.toMatch(/ashlarkey1_|AccountKey=|dapi[0-9a-f]{8}/);
    expect(readdirSync(temporary)).toEqual([]);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
});
