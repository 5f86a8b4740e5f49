import { afterAll, beforeAll, expect, test } from "vitest";
import { type OpenData, ROWS_A_DAY, startOpenData } from "../../examples/bnt-hourly-traffic/open-data.ts";

let source: OpenData;
beforeAll(async () => {
  source = await startOpenData({ days: 5 });
});
afterAll(() => source.stop());

type Row = Record<string, string>;

async function ask(query: Record<string, string>): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${source.url}?${new URLSearchParams(query)}`);
  return { status: response.status, body: await response.json() };
}

async function rows(query: Record<string, string>): Promise<Row[]> {
  const { status, body } = await ask(query);
  expect(status).toBe(200);
  return body as Row[];
}

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);

test("rows have the dataset's columns, all text, and say that they are made up", async () => {
  const response = await fetch(source.url);
  expect(response.headers.get("x-sample-data")).toBe("made up");
  const all = (await response.json()) as Row[];
  expect(all).toHaveLength(1_000);
  expect(Object.keys(all[0] ?? {})).toEqual(["plaza_id", "date", "hour", "direction", "vehicles_e_zpass", "vehicles_vtoll"]);
  for (const row of all) for (const value of Object.values(row)) expect(value).toBeTypeOf("string");
});

test("the same day gives the same rows, whenever it is asked for", async () => {
  const other = await startOpenData({ days: 9 });
  try {
    const query = new URLSearchParams({ $where: `date = '${daysAgo(3)}T00:00:00'` });
    const [here, there] = await Promise.all([fetch(`${source.url}?${query}`), fetch(`${other.url}?${query}`)]);
    const text = await here.text();
    expect(JSON.parse(text)).toHaveLength(ROWS_A_DAY);
    expect(await there.text()).toBe(text);
  } finally {
    await other.stop();
  }
});

test("$where compares dates as dates, numbers as numbers, text as text", async () => {
  const week = await rows({ $where: `date >= '${daysAgo(3)}T00:00:00' AND date < '${daysAgo(1)}'`, $limit: "5000" });
  expect(week).toHaveLength(2 * ROWS_A_DAY);
  expect(new Set(week.map((row) => row.date))).toEqual(new Set([`${daysAgo(3)}T00:00:00.000`, `${daysAgo(2)}T00:00:00.000`]));
  expect(await rows({ $where: `date='${daysAgo(2)}' and hour >= 22 and direction = 'I' AND plaza_id <> '21'` })).toHaveLength(2 * 9);
  const few = await rows({ $where: "vehicles_vtoll < 100", $limit: "5000" });
  expect(few.length).toBeGreaterThan(0);
  expect(few.every((row) => Number(row.vehicles_vtoll) < 100)).toBe(true);
  expect(await rows({ $where: "direction = 'it''s'" })).toEqual([]);
  expect(await rows({ $where: "date < '1999-01-01T00:00:00'" })).toEqual([]);
});

test("$order, $limit and $offset cut one order into pages", async () => {
  const where = `date = '${daysAgo(1)}'`;
  const whole = await rows({ $where: where, $order: "hour DESC, plaza_id, :id", $limit: "480" });
  const hours = whole.map((row) => Number(row.hour));
  expect(hours).toEqual(hours.toSorted((a, b) => b - a));
  const pages: Row[] = [];
  for (let offset = 0; offset < ROWS_A_DAY; offset += 100) {
    pages.push(...(await rows({ $where: where, $order: "hour DESC, plaza_id, :id", $limit: "100", $offset: String(offset) })));
  }
  expect(pages).toEqual(whole);
  expect(await rows({ $where: where, $offset: "480" })).toEqual([]);
});

test.each([
  ["an operator that is none", { $where: "date ~ '2026-01-01'" }],
  ["a comparison cut off", { $where: "date >=" }],
  ["an AND with nothing after it", { $where: "hour = 1 AND " }],
  ["OR, which is not built", { $where: "hour = 1 OR hour = 2" }],
  ["a column that is not there", { $where: "tolls = 1" }],
  ["a date that is none", { $where: "date > 'yesterday'" }],
  ["an order by nothing", { $order: "" }],
  ["a negative limit", { $limit: "-1" }],
  ["an offset that is no number", { $offset: "many" }],
  ["a parameter that is not built", { $group: "hour" }],
])("refuses %s", async (_, query) => {
  expect(await ask(query as unknown as Record<string, string>)).toMatchObject({ status: 400, body: { error: true } });
});

test("other addresses are not found", async () => {
  expect((await fetch(new URL("/resource/other.json", source.url))).status).toBe(404);
});

test("fails by turns when asked to, and counts all requests", async () => {
  const failing = await startOpenData({ days: 1, failEvery: 1 });
  try {
    const first = await fetch(failing.url);
    expect([first.status, first.headers.get("retry-after")]).toEqual([429, "0"]);
    expect((await fetch(failing.url)).status).toBe(503);
    await expect(fetch(failing.url)).rejects.toThrow(TypeError);
    expect(failing.requests).toBe(3);
  } finally {
    await failing.stop();
  }
});
