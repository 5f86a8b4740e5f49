import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { AshlarError } from "ashlar";
import { expect, test } from "vitest";
import { type Crossing, type CrossingsQuery, readCrossings } from "../../examples/bnt-hourly-traffic/crossings.ts";
import { ROWS_A_DAY, startOpenData } from "../../examples/bnt-hourly-traffic/open-data.ts";

const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
const yesterday = { startDate: day(1), endDate: day(1), retryDelay: 1 };

async function all(query: CrossingsQuery): Promise<Crossing[]> {
  return (await Array.fromAsync(readCrossings(query))).flat();
}

/** Runs with a source that answers as given; hands back the requests' addresses. */
async function withSource(listener: RequestListener, run: (url: string) => Promise<void>): Promise<URL[]> {
  const asked: URL[] = [];
  const server = createServer((request, response) => {
    asked.push(new URL(request.url ?? "", "http://localhost"));
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}/rows.json`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
  return asked;
}

async function failure(query: CrossingsQuery): Promise<AshlarError> {
  const error = await all(query).catch((thrown: unknown) => thrown);
  if (!(error instanceof AshlarError)) throw new Error("expected an AshlarError", { cause: error });
  expect(error.cause).toBeUndefined();
  return error;
}

test("reads whole days, the last one included, with numbers as numbers, whatever the size of a page", async () => {
  const source = await startOpenData({ days: 4 });
  try {
    const range = { source: source.url, startDate: day(3), endDate: day(2) };
    const rows = await all({ ...range, pageSize: 7_000 });
    expect(rows).toHaveLength(2 * ROWS_A_DAY);
    expect(rows[0]).toMatchObject({
      plaza_id: "21",
      date: `${day(3)}T00:00:00.000`,
      hour: "0",
      direction: "I",
      vehicles_e_zpass: expect.any(Number),
    });
    expect(rows.at(-1)?.date).toBe(`${day(2)}T00:00:00.000`);
    expect(await all({ ...range, pageSize: 77 })).toEqual(rows);
    expect(await all({ ...range, pageSize: ROWS_A_DAY })).toEqual(rows);
  } finally {
    await source.stop();
  }
});

test("the next page is asked for only when it is wanted", async () => {
  const source = await startOpenData({ days: 1 });
  try {
    const pages = readCrossings({ source: source.url, ...yesterday, pageSize: 10 });
    await pages.next();
    await pages.next();
    expect(source.requests).toBe(2);
    await pages.return();
    expect(source.requests).toBe(2);
  } finally {
    await source.stop();
  }
});

test("a source that now and then says 429 or 503 or cuts the line gives all rows once", async () => {
  const source = await startOpenData({ days: 1, failEvery: 2 });
  const reasons: string[] = [];
  try {
    const rows = await all({ source: source.url, ...yesterday, pageSize: 100, onRetry: (reason) => reasons.push(reason) });
    expect(rows).toHaveLength(ROWS_A_DAY);
    expect(new Set(rows.map((row) => `${row.plaza_id} ${row.hour} ${row.direction}`)).size).toBe(ROWS_A_DAY);
    expect(reasons).toEqual(
      expect.arrayContaining(["status 429", "status 503", expect.stringMatching(/^no connection \(\w+\)$|^the connection broke$/)]),
    );
  } finally {
    await source.stop();
  }
});

test("gives up after so many attempts, and says what happened last", async () => {
  const asked = await withSource(
    (_, response) => response.writeHead(503).end("secret-of-the-server"),
    async (url) => {
      const error = await failure({ ...yesterday, source: `${url}?$$app_token=canary-token`, attempts: 3 });
      expect(error.code).toBe("ERR_UNREACHABLE");
      expect(error.message).toContain(`The source ${url} gave no page in 3 attempts, the last time: status 503.`);
      expect(error.message).not.toMatch(/canary-token|secret-of-the-server/);
    },
  );
  expect(asked).toHaveLength(3);
  expect(asked[0]?.searchParams.get("$$app_token")).toBe("canary-token");
});

test("a source that is not there is unreachable", async () => {
  let gone = "";
  await withSource(
    () => {},
    async (url) => void (gone = url),
  );
  const error = await failure({ ...yesterday, source: gone, attempts: 2 });
  expect([error.code, error.message]).toEqual(["ERR_UNREACHABLE", expect.stringContaining("no connection (ECONNREFUSED)")]);
});

test.each([
  ["in seconds", "1"],
  ["as a date", () => new Date(Date.now() + 2_000).toUTCString()],
])("keeps to a Retry-After %s", async (_, header) => {
  const delays: number[] = [];
  let turn = 0;
  await withSource(
    (_request, response) => {
      turn += 1;
      if (turn === 1) response.writeHead(429, { "retry-after": typeof header === "string" ? header : header() }).end();
      else response.end("[]");
    },
    async (url) => expect(await all({ ...yesterday, source: url, onRetry: (_reason, delay) => delays.push(delay) })).toEqual([]),
  );
  expect(delays).toHaveLength(1);
  expect(delays[0]).toBeGreaterThan(500);
  expect(delays[0]).toBeLessThanOrEqual(2_000);
});

test("waits longer each time, never as long as was doubled, and never over 30 s", async () => {
  const delays: number[] = [];
  await withSource(
    (_, response) => response.writeHead(500).end(),
    async (url) =>
      void (await failure({ ...yesterday, source: url, retryDelay: 4, attempts: 5, onRetry: (_reason, delay) => delays.push(delay) })),
  );
  expect(delays).toHaveLength(4);
  for (const [index, delay] of delays.entries()) {
    expect(delay).toBeGreaterThanOrEqual(2 * 2 ** index);
    expect(delay).toBeLessThanOrEqual(4 * 2 ** index);
  }
});

test("an answer that is no JSON is asked for again", async () => {
  let turn = 0;
  await withSource(
    (_, response) => response.end((turn += 1) === 1 ? "<html>canary-body" : "[]"),
    async (url) => expect(await all({ ...yesterday, source: url })).toEqual([]),
  );
  expect(turn).toBe(2);
});

test("what will not pass is not asked again: a refused query, rows of another shape, a limit not kept", async () => {
  const row = { plaza_id: "21", date: "2026-11-01T00:00:00.000", hour: "0", direction: "I", vehicles_e_zpass: "1", vehicles_vtoll: "0" };
  const cases: [RequestListener, RegExp][] = [
    [(_, response) => response.writeHead(400).end("canary-body"), /status 400/],
    [(_, response) => response.end('{"rows":"canary-body"}'), /another shape \(the answer as a whole\)/],
    [
      (_, response) => response.end(JSON.stringify([{ ...row, vehicles_vtoll: "canary-body", hour: null }])),
      /another shape \(hour, vehicles_vtoll\)/,
    ],
    [(_, response) => response.end(JSON.stringify([row, row])), /does not keep to \$limit/],
  ];
  for (const [listener, message] of cases) {
    const asked = await withSource(listener, async (url) => {
      const error = await failure({ ...yesterday, source: url, pageSize: 1 });
      expect(error.code).toBe("ERR_INVALID");
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain("canary-body");
    });
    expect(asked).toHaveLength(1);
  }
});

test("a count that the source leaves out is null, a column of later years is left out", async () => {
  await withSource(
    (request, response) => {
      const first = new URL(request.url ?? "", "http://localhost").searchParams.get("$offset") === "0";
      const row = { plaza_id: 21, date: "2026-11-01T00:00:00.000", hour: 0, direction: "I", vehicles_e_zpass: 7, weather: "rain" };
      response.end(JSON.stringify(first ? [row] : []));
    },
    async (url) =>
      expect(await all({ ...yesterday, source: url })).toEqual([
        { plaza_id: "21", date: "2026-11-01T00:00:00.000", hour: "0", direction: "I", vehicles_e_zpass: 7, vehicles_vtoll: null },
      ]),
  );
});
