/** The pipeline end to end: real SDK, real Azurite, the made-up open-data endpoint, documents in a store of memory. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { AshlarError, openStore, Secret, useStore } from "ashlar";
import { Azure } from "ashlar/blocks/azure";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { DatabricksConnectCluster } from "ashlar/blocks/databricks-connect-cluster";
import { IcebergAzureHadoop } from "ashlar/blocks/iceberg-azure-hadoop";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Azurite, startAzurite } from "../../examples/bnt-hourly-traffic/azurite.ts";
import { SOURCE } from "../../examples/bnt-hourly-traffic/crossings.ts";
import { type PipelineOptions, pipeline, readOptions } from "../../examples/bnt-hourly-traffic/flow.ts";
import { type OpenData, ROWS_A_DAY, startOpenData } from "../../examples/bnt-hourly-traffic/open-data.ts";

const FLOW = fileURLToPath(new URL("../../examples/bnt-hourly-traffic/flow.ts", import.meta.url));
const TOKEN = `dapi-${randomBytes(12).toString("hex")}`;
const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

let azurite: Azurite;
let source: OpenData;
let containers = 0;
let options: PipelineOptions;

beforeAll(async () => {
  [azurite, source] = await Promise.all([startAzurite(), startOpenData({ days: 8 })]);
});
afterAll(() => Promise.all([azurite.stop(), source.stop()]));

/** A fresh store with the three blocks over a fresh container. */
beforeEach(async () => {
  useStore(await openStore("memory:"));
  await saveBlocks(azurite.connectionString, `flow-${++containers}`);
  await (await (await AzureContainer.load("c")).containerClient()).create();
  options = { startDate: day(3), endDate: day(2), source: source.url, container: "c", iceberg: "i", cluster: "d", retryDelay: 1 };
});

async function saveBlocks(connectionString: string, name: string): Promise<void> {
  const credentials = new Azure({ bucketPath: name, azureStorageConnectionString: connectionString });
  const container = await new AzureContainer({ container: name, credentials }).save("c", { overwrite: true });
  await new IcebergAzureHadoop({ catalogName: "mta", warehouseLocation: "warehouse", container }).save("i", { overwrite: true });
  const databricks = { databricksInstance: "dbc-1.cloud.databricks.com", token: TOKEN };
  await new DatabricksConnectCluster({ clusterId: "1", credentials: databricks }).save("d", { overwrite: true });
}

async function blob() {
  return (await AzureContainer.load("c")).blobClient("stage/bnt_traffic_hourly.json");
}

async function failure(change: Partial<PipelineOptions> = {}): Promise<AshlarError> {
  const error = await pipeline({ ...options, ...change }).catch((thrown: unknown) => thrown);
  if (!(error instanceof AshlarError)) throw new Error("expected an AshlarError", { cause: error });
  const text = inspect(error, { depth: 10, showHidden: true });
  expect(text).not.toContain(azurite.key);
  expect(text).not.toContain(TOKEN);
  expect(text).not.toMatch(/SharedKey /);
  return error;
}

test("the blob holds one JSON object a line, typed as the table is, and the outcome shows no secret", async () => {
  const outcome = await pipeline(options);
  const content = await (await blob()).downloadToBuffer();
  expect([outcome.rows, outcome.bytes]).toEqual([2 * ROWS_A_DAY, content.length]);

  const rows = content
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows).toHaveLength(2 * ROWS_A_DAY);
  expect(new Set(rows.map((row) => row.date))).toEqual(new Set([`${day(3)}T00:00:00.000`, `${day(2)}T00:00:00.000`]));
  const types = {
    plaza_id: "string",
    date: "string",
    hour: "string",
    direction: "string",
    vehicles_e_zpass: "number",
    vehicles_vtoll: "number",
  };
  for (const row of rows) expect(Object.fromEntries(Object.entries(row).map(([key, value]) => [key, typeof value]))).toEqual(types);

  expect(outcome.blocks).toEqual(["AzureContainer(c)", "IcebergAzureHadoop(i)", "DatabricksConnectCluster(d)"]);
  expect(outcome.url).toBe(`abfss://flow-${containers}@mtademo.dfs.core.windows.net/stage/bnt_traffic_hourly.json`);
  expect(outcome.table).toBe("mta.bronze.bnt_traffic_hourly");
  const key = outcome.sparkConfigs["fs.azure.account.key.mtademo.dfs.core.windows.net"];
  expect(key instanceof Secret && key.reveal() === azurite.key).toBe(true);
  for (const text of [inspect(outcome, { depth: 10, showHidden: true }), JSON.stringify(outcome)]) {
    expect(text).not.toContain(azurite.key);
    expect(text).not.toContain(TOKEN);
  }
});

test("a second run puts its rows in the place of the first one's", async () => {
  await pipeline(options);
  await pipeline({ ...options, startDate: day(2) });
  expect((await (await blob()).downloadToBuffer()).toString().trimEnd().split("\n")).toHaveLength(ROWS_A_DAY);
});

test("a source that fails now and then does not show in the blob", async () => {
  const failing = await startOpenData({ days: 3, failEvery: 3 });
  const retries: string[] = [];
  try {
    const flaky = { ...options, source: failing.url, pageSize: 100, onRetry: (reason: string) => retries.push(reason) };
    expect((await pipeline(flaky)).rows).toBe(2 * ROWS_A_DAY);
    expect(retries.length).toBeGreaterThan(3);
    const lines = (await (await blob()).downloadToBuffer()).toString().trimEnd().split("\n");
    expect(new Set(lines).size).toBe(2 * ROWS_A_DAY);
  } finally {
    await failing.stop();
  }
});

test("no rows in the range: says so, and leaves an older blob alone", async () => {
  const { etag } = await (await blob()).upload("older", 5);
  const error = await failure({ startDate: "1999-01-01", endDate: "1999-01-07" });
  expect([error.code, error.message]).toEqual(["ERR_NOT_FOUND", expect.stringContaining("no rows from 1999-01-01 to 1999-01-07")]);
  expect((await (await blob()).getProperties()).etag).toBe(etag);
});

test("a source that breaks off in the middle leaves no half of a blob", async () => {
  const breaking = await startOpenData({ days: 3 });
  const steps: string[] = [];
  const onProgress = (step: string) => {
    if (steps.push(step) === 3) void breaking.stop();
  };
  const error = await failure({ source: breaking.url, pageSize: 100, attempts: 2, onProgress });
  expect(error.code).toBe("ERR_UNREACHABLE");
  expect(steps.length).toBeGreaterThanOrEqual(3);
  expect(await (await blob()).exists()).toBe(false);
});

test("a wrong account key is denied, and the message shows neither key", async () => {
  const wrong = randomBytes(64).toString("base64");
  await saveBlocks(azurite.connectionString.replace(azurite.key, wrong), `flow-${containers}`);
  const error = await failure();
  expect([error.code, error.message]).toEqual(["ERR_DENIED", expect.stringContaining("403, AuthorizationFailure")]);
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(wrong);
});

test("a container that is not there is not found", async () => {
  await saveBlocks(azurite.connectionString, "no-such-container");
  const error = await failure();
  expect([error.code, error.message]).toEqual(["ERR_NOT_FOUND", expect.stringContaining("ContainerNotFound")]);
});

test("a blob that someone holds a lease on stays as it was", async () => {
  await (await blob()).upload("leased", 6);
  const lease = (await blob()).getBlobLeaseClient();
  await lease.acquireLease(-1);
  const error = await failure();
  expect([error.code, error.message]).toEqual(["ERR_UNREACHABLE", expect.stringContaining("status 412, LeaseIdMissing")]);
  expect((await (await blob()).downloadToBuffer()).toString()).toBe("leased");
});

test("a block that is not there fails before anything is read", async () => {
  const before = source.requests;
  const error = await failure({ cluster: "other" });
  expect([error.code, error.message]).toEqual(["ERR_NOT_FOUND", expect.stringContaining("other")]);
  expect(source.requests).toBe(before);
});

/** Stands before Azurite and holds back every upload until it is opened. */
async function startGate(): Promise<{ endpoint: string; waiting: () => number; open: () => void; stop: () => void }> {
  const held: (() => void)[] = [];
  let isOpen = false;
  const server = createServer((request, response) => {
    const target = new URL(request.url ?? "/", azurite.endpoint);
    const pass = () =>
      request.pipe(
        httpRequest(target, { method: request.method ?? "GET", headers: request.headers }, (answer) => {
          response.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(response);
        }),
      );
    if (isOpen) pass();
    else held.push(pass);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const open = () => {
    isOpen = true;
    for (const pass of held.splice(0)) pass();
  };
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/mtademo`, waiting: () => held.length, open, stop };
}

test("reads no further than the storage takes: of many rows few are in memory", async () => {
  const [gate, many] = await Promise.all([startGate(), startOpenData({ days: 400 })]);
  try {
    await saveBlocks(azurite.connectionString.replace(azurite.endpoint, gate.endpoint), `flow-${containers}`);
    const running = pipeline({ ...options, source: many.url, startDate: day(400), endDate: day(1), pageSize: 2_000 });
    for (let seen = -1; seen !== many.requests || gate.waiting() === 0; await sleep(300)) seen = many.requests;
    const ahead = many.requests;
    gate.open();
    const { rows, bytes } = await running;
    expect(rows).toBe(400 * ROWS_A_DAY);
    const held = ahead * (bytes / (rows / 2_000));
    expect(held).toBeLessThan(5.5 * 1024 * 1024); // three buffers of 1 MiB, and what waits to fill the next one
    expect(held).toBeLessThan(bytes / 4);
    expect((await (await blob()).getProperties()).contentLength).toBe(bytes);
  } finally {
    gate.open();
    gate.stop();
    await many.stop();
  }
});

test("by default the week that ends the day before the scheduled time", () => {
  expect(readOptions([], new Date("2026-03-02T00:30:00Z"))).toMatchObject({
    startDate: "2026-02-23",
    endDate: "2026-03-01",
    source: SOURCE,
  });
  expect(readOptions(["--scheduled-time", "2024-03-03T23:00:00-05:00"])).toMatchObject({ startDate: "2024-02-26", endDate: "2024-03-03" });
  expect(readOptions(["--end-date", "2024-03-01"])).toMatchObject({ startDate: "2024-02-24", endDate: "2024-03-01" });
  expect(readOptions(["--start-date", "2024-03-01", "--end-date", "2024-03-01"])).toMatchObject({
    startDate: "2024-03-01",
    endDate: "2024-03-01",
  });
});

test.each([
  [["--start-date", "2023-02-29"], "--start-date is no day of the calendar"],
  [["--end-date", "01/02/2024"], "--end-date is no day of the calendar"],
  [["--scheduled-time", "2024-03-01T12:00"], "--scheduled-time is no time with a zone"],
  [["--start-date", "2024-03-02", "--end-date", "2024-03-01"], "--start-date 2024-03-02 is after the last day, 2024-03-01"],
  [["--page-size", "0"], "--page-size is below 1"],
  [["--page-size", "many"], "--page-size is no number"],
  [["--source", "ftp://example.invalid/x"], "--source is no http or https address"],
  [["--source", "https://me:canary@example.invalid/x"], "--source may hold no user name and no password"],
  [["--stop-date", "2024-03-01"], "Unknown option '--stop-date'"],
])("refuses %j", (args, message) => {
  const run = () => readOptions(args);
  expect(run).toThrow(AshlarError);
  expect(run).toThrow(message);
  expect(run).not.toThrow("canary");
});

test("all that is wrong with a command line is said at once", () => {
  expect(() => readOptions(["--start-date", "x", "--end-date", "y"])).toThrow(/--start-date.*\n--end-date/);
});

test("as a command: a mistake is one message and exit code 1, help is help", () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [FLOW, ...args], { encoding: "utf8" });
  const wrong = run("--end-date", "tomorrow");
  expect([wrong.status, wrong.stdout]).toEqual([1, ""]);
  expect(wrong.stderr).toBe("--end-date is no day of the calendar, written YYYY-MM-DD\nSee node flow.ts --help.\n");
  const help = run("--help");
  expect([help.status, help.stderr]).toEqual([0, ""]);
  for (const option of [
    "--start-date",
    "--end-date",
    "--scheduled-time",
    "--source",
    "--page-size",
    "--container",
    "--iceberg",
    "--cluster",
  ]) {
    expect(help.stdout).toContain(option);
  }
});
