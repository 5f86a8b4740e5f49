/**
 * Reads the hourly crossings of the MTA's bridges and tunnels from an open-data (SODA) endpoint, page by page. Touches the network by `fetch`
 * only; holds one page at a time.
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AshlarError } from "ashlar";
import { z } from "zod";

/** Where New York publishes the dataset. */
export const SOURCE = "https://data.ny.gov/resource/qzve-kjga.json";

const text = z.union([z.string(), z.number().transform(String)]);
// The API writes numbers as text and leaves out what is null; Spark's reader wants numbers and a fixed shape.
const count = z
  .union([z.int(), z.string().regex(/^\d+$/).transform(Number)])
  .nullish()
  .transform((value) => value ?? null);
const crossings = z.array(
  z.object({
    plaza_id: text,
    date: z.iso.datetime({ local: true }),
    hour: text,
    direction: text,
    vehicles_e_zpass: count,
    vehicles_vtoll: count,
  }),
);

/** One hour of one direction at one plaza; keys and types as the table has them. */
export type Crossing = z.output<typeof crossings>[number];

/** What to read, and how patiently. */
export interface CrossingsQuery {
  /** First day, `YYYY-MM-DD`. */
  readonly startDate: string;
  /** Last day, `YYYY-MM-DD`, included. */
  readonly endDate: string;
  /** Address of the dataset. Default {@link SOURCE}. */
  readonly source?: string | undefined;
  /** Rows a request. Default 5,000; the API gives 50,000 at most. */
  readonly pageSize?: number | undefined;
  /** Requests for one page before giving up. Default 5. */
  readonly attempts?: number | undefined;
  /** Milliseconds before the first repetition; doubles each time, up to 30 s, less a random part. Default 500. */
  readonly retryDelay?: number | undefined;
  /** Told of each repetition: why, and after how many milliseconds. */
  readonly onRetry?: ((reason: string, delay: number) => void) | undefined;
}

const LONGEST_DELAY = 30_000;
const REQUEST_TIMEOUT = 60_000;

/**
 * The crossings of a range of days in order of date, a page at a time; the next page is asked for when it is wanted.
 *
 * @throws AshlarError `ERR_UNREACHABLE` when a page does not come in all attempts; `ERR_INVALID` when the source refuses the query or its rows
 * are of another shape.
 */
export async function* readCrossings(query: CrossingsQuery): AsyncGenerator<readonly Crossing[], void, undefined> {
  const { source = SOURCE, pageSize = 5_000 } = query;
  const url = new URL(source);
  url.searchParams.set("$where", `date >= '${query.startDate}T00:00:00' AND date < '${dayAfter(query.endDate)}T00:00:00'`);
  url.searchParams.set("$order", "date,:id"); // without a total order, pages may overlap
  url.searchParams.set("$limit", String(pageSize));
  for (let offset = 0; ; ) {
    url.searchParams.set("$offset", String(offset));
    const rows = await readPage(url, query);
    // Only an empty page is the end: a server may give fewer rows than were asked for.
    if (rows.length === 0) return;
    if (rows.length > pageSize) throw refused(url, "it does not keep to $limit");
    yield rows;
    offset += rows.length;
  }
}

async function readPage(url: URL, query: CrossingsQuery): Promise<readonly Crossing[]> {
  const { attempts = 5, retryDelay = 500 } = query;
  for (let attempt = 1; ; attempt++) {
    const answer = await request(url);
    if ("body" in answer) return parse(url, answer.body);
    if (attempt >= attempts) {
      throw new AshlarError(
        "ERR_UNREACHABLE",
        `The source ${shown(url)} gave no page in ${attempts} attempts, the last time: ${answer.reason}. Try again later, or name another one with --source.`,
      );
    }
    const backoff = Math.min(retryDelay * 2 ** (attempt - 1), LONGEST_DELAY);
    const delay = Math.min(answer.retryAfter ?? backoff * (0.5 + Math.random() / 2), LONGEST_DELAY);
    query.onRetry?.(answer.reason, delay);
    await sleep(delay);
  }
}

type Answer = { readonly body: unknown } | { readonly reason: string; readonly retryAfter: number | undefined };

/** One request; what may pass by itself is an answer with a reason, what will not is thrown. */
async function request(url: URL): Promise<Answer> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT) });
    if (response.ok) return { body: await response.json() };
    await response.body?.cancel();
    const reason = `status ${response.status}`;
    if (response.status < 500 && response.status !== 429 && response.status !== 408) throw refused(url, `it answered with ${reason}`);
    return { reason, retryAfter: waitAsked(response.headers.get("retry-after")) };
  } catch (error) {
    if (error instanceof AshlarError) throw error;
    return { reason: networkReason(error), retryAfter: undefined };
  }
}

/** Milliseconds that a `Retry-After` asks for, which is seconds or a date. */
function waitAsked(header: string | null): number | undefined {
  if (header === null) return undefined;
  const wait = /^\d+$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** What went wrong in words of our own: the original text may quote the address or the answer. */
function networkReason(error: unknown): string {
  if (error instanceof SyntaxError) return "an answer that is not JSON";
  const { name, cause } = error as { name?: unknown; cause?: { code?: unknown } };
  if (name === "TimeoutError") return `no answer in ${REQUEST_TIMEOUT / 1000} s`;
  return typeof cause?.code === "string" ? `no connection (${cause.code})` : "the connection broke";
}

function parse(url: URL, body: unknown): readonly Crossing[] {
  const result = crossings.safeParse(body);
  if (result.success) return result.data;
  const columns = new Set(result.error.issues.map((issue) => String(issue.path[1] ?? "the answer as a whole")));
  throw refused(url, `its rows are of another shape (${[...columns].join(", ")})`);
}

function refused(url: URL, why: string): AshlarError {
  return new AshlarError(
    "ERR_INVALID",
    `The source ${shown(url)} cannot be read: ${why}. Is --source the address of this dataset, ending in .json?`,
  );
}

/** The address without its query, which may hold an application's token. */
function shown(url: URL): string {
  return url.origin + url.pathname;
}

function dayAfter(day: string): string {
  return new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
}
