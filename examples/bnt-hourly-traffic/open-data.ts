/**
 * A small open-data endpoint for trying the flow without a network. THE ROWS ARE MADE UP: they have the shape of the real dataset (hourly
 * crossings of the MTA's bridges and tunnels), and nobody ever counted them. The same day always gives the same rows.
 *
 * Answers `$where` (comparisons joined by AND), `$order`, `$limit` and `$offset` as the real API does; refuses what it does not understand.
 * Touches a port of the loopback interface only. By itself: `node open-data.ts` serves the last 60 days until it is stopped.
 * @module
 */
import { createHash } from "node:crypto";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

const DAY = 86_400_000;
const PLAZAS = ["21", "22", "23", "24", "25", "26", "27", "28", "29", "30"];
const PATH = "/resource/qzve-kjga.json";

/** A row as the API writes it: numbers as text. */
type Row = Readonly<Record<Column, string>>;
const COLUMNS = ["plaza_id", "date", "hour", "direction", "vehicles_e_zpass", "vehicles_vtoll"] as const;
type Column = (typeof COLUMNS)[number];

/** Rows that every day has. */
export const ROWS_A_DAY = PLAZAS.length * 24 * 2;

/** What {@link startOpenData} can be asked for. */
export interface OpenDataOptions {
  /** How many days the sample has, the last of them yesterday (UTC). Default 60. */
  readonly days?: number | undefined;
  /** Every so manieth request fails, by turns with 429, 503 and a cut connection. Default: none does. */
  readonly failEvery?: number | undefined;
}

/** A running endpoint. */
export interface OpenData {
  /** Address of the dataset. */
  readonly url: string;
  /** Requests so far, failed ones included. */
  readonly requests: number;
  stop(): Promise<void>;
}

/** Starts the endpoint on a free port of 127.0.0.1. */
export async function startOpenData(options: OpenDataOptions = {}): Promise<OpenData> {
  const rows = sample(options.days ?? 60);
  const select = rememberLast((where: string, order: string) => sorted(rows.filter(parseWhere(where)), parseOrder(order)));
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    if (options.failEvery && requests % options.failEvery === 0) return fail(response, requests / options.failEvery);
    const url = new URL(request.url ?? "/", "http://localhost");
    if (url.pathname !== PATH) return answer(response, 404, { error: true, message: "Not found" });
    try {
      const { where, order, limit, offset } = parameters(url.searchParams);
      answer(response, 200, select(where, order).slice(offset, offset + limit));
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      answer(response, 400, { code: "query.compiler.malformed", error: true, message: error.message });
    }
  });
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${PATH}`,
    get requests() {
      return requests;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class QueryError extends Error {}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json", "x-sample-data": "made up" }).end(JSON.stringify(body));
}

function fail(response: ServerResponse, turn: number): void {
  if (turn % 3 === 1) response.writeHead(429, { "retry-after": "0" }).end();
  else if (turn % 3 === 2) response.writeHead(503).end("Service Unavailable");
  else response.destroy();
}

function parameters(given: URLSearchParams): { where: string; order: string; limit: number; offset: number } {
  for (const name of given.keys()) {
    if (!["$where", "$order", "$limit", "$offset"].includes(name)) throw new QueryError(`Unrecognized arguments [${name}]`);
  }
  const whole = (name: string, otherwise: number) => {
    const value = given.get(name) ?? String(otherwise);
    if (!/^\d{1,9}$/.test(value)) throw new QueryError(`Invalid ${name}`);
    return Number(value);
  };
  const limit = Math.min(whole("$limit", 1_000), 50_000);
  return { where: given.get("$where") ?? "", order: given.get("$order") ?? ":id", limit, offset: whole("$offset", 0) };
}

/** Column, operator, literal: text in single quotes (doubled inside) or a number. */
const COMPARISON = /^\s*(\w+)\s*(<=|>=|!=|<>|<|>|=)\s*(?:'((?:[^']|'')*)'|(\d+))\s*/;

function parseWhere(where: string): (row: Row) => boolean {
  const tests: ((row: Row) => boolean)[] = [];
  for (let rest = where; rest.trim() !== ""; ) {
    const match = COMPARISON.exec(rest);
    if (!match) throw new QueryError(`Could not parse $where at position ${where.length - rest.length}`);
    const [whole, name = "", operator = "", quoted, number = ""] = match;
    const column = columnOf(name);
    const literal = comparable(column, quoted?.replaceAll("''", "'") ?? number);
    tests.push((row) => holds(operator, comparable(column, row[column]), literal));
    rest = rest.slice(whole.length);
    const and = /^and\b(?=.*\S)/is.exec(rest);
    if (rest !== "" && !and) throw new QueryError(`Could not parse $where at position ${where.length - rest.length}`);
    rest = rest.slice(and?.[0].length ?? 0);
  }
  return (row) => tests.every((test) => test(row));
}

function holds(operator: string, left: string | number, right: string | number): boolean {
  switch (operator) {
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    case "=":
      return left === right;
    default:
      return left !== right;
  }
}

interface SortKey {
  /** `null` is the API's own `:id`, the order in which the rows lie. */
  readonly column: Column | null;
  readonly sign: 1 | -1;
}

function parseOrder(order: string): readonly SortKey[] {
  return order.split(",").map((part) => {
    const match = /^\s*(:id|\w+)(?:\s+(asc|desc))?\s*$/i.exec(part);
    if (!match?.[1]) throw new QueryError("Could not parse $order");
    return { column: match[1] === ":id" ? null : columnOf(match[1]), sign: match[2]?.toLowerCase() === "desc" ? -1 : 1 };
  });
}

function sorted(rows: readonly Row[], keys: readonly SortKey[]): readonly Row[] {
  const ranked = rows.map((row, id) => ({ row, by: keys.map(({ column }) => (column === null ? id : comparable(column, row[column]))) }));
  ranked.sort((a, b) => {
    for (const [index, { sign }] of keys.entries()) {
      const [left = 0, right = 0] = [a.by[index], b.by[index]];
      if (left !== right) return left < right ? -sign : sign;
    }
    return 0;
  });
  return ranked.map(({ row }) => row);
}

function columnOf(name: string): Column {
  const column = COLUMNS.find((known) => known === name.toLowerCase());
  if (!column) throw new QueryError(`No such column: ${name}`);
  return column;
}

/** A value of a column as what it is compared by: times and counts as numbers, the rest as text. */
function comparable(column: Column, value: string): string | number {
  if (column === "plaza_id" || column === "direction") return value;
  const number = column === "date" ? Date.parse(`${value.length === 10 ? `${value}T00:00:00` : value}Z`) : Number(value);
  if (Number.isNaN(number)) throw new QueryError(`Type mismatch for ${column}`);
  return number;
}

/** Pages of one query come one after the other: the rows of the last query are kept. */
function rememberLast<T>(compute: (where: string, order: string) => T): (where: string, order: string) => T {
  let last: { where: string; order: string; value: T } | undefined;
  return (where, order) => {
    if (last?.where !== where || last.order !== order) last = { where, order, value: compute(where, order) };
    return last.value;
  };
}

/** The made-up rows: more traffic by day than by night, scattered by a hash of what the row stands for. */
function sample(days: number): readonly Row[] {
  const today = Math.floor(Date.now() / DAY);
  const rows: Row[] = [];
  for (let day = today - days; day < today; day++) {
    const date = `${new Date(day * DAY).toISOString().slice(0, 10)}T00:00:00.000`;
    for (const plaza of PLAZAS) {
      const scatter = createHash("sha256").update(`${date} ${plaza}`).digest();
      for (let hour = 0; hour < 24; hour++) {
        const busy = 300 + 1_200 * Math.sin((Math.PI * (hour + 1)) / 25);
        for (const [turn, direction] of ["I", "O"].entries()) {
          const vehicles = Math.round(busy * (0.6 + (scatter[(hour * 2 + turn) % 32] ?? 0) / 320));
          const byPlate = Math.round(vehicles * 0.06);
          rows.push({
            plaza_id: plaza,
            date,
            hour: String(hour),
            direction,
            vehicles_e_zpass: String(vehicles - byPlate),
            vehicles_vtoll: String(byPlate),
          });
        }
      }
    }
  }
  return rows;
}

if (import.meta.main) {
  const { url } = await startOpenData();
  console.log(`Made-up sample rows of the last 60 days at ${url}\nStop with Ctrl-C.`);
}
