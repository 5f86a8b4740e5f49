/**
 * Reading all that a filter of Prefect's API gives, page by page. Touches the client.
 * @module
 */
import type { JsonObject } from "../json.ts";
import type { Answer, Call, PrefectClient } from "./client.ts";

/** Most that Prefect gives at a time. */
const PAGE = 200;
const TRIES = 3;

/**
 * All that a filter gives, in the server's order, each once.
 *
 * Pages are by position, so each begins with the last of the one before: where it does not, something came or went meanwhile, and all is read anew,
 * a few times.
 * @param path such as `/block_types/filter`.
 */
export async function readAll<T extends { readonly id: string }>(
  client: PrefectClient,
  path: string,
  filter: JsonObject,
  read: (client: PrefectClient, call: Call, answer: Answer) => readonly T[],
): Promise<T[]> {
  for (let tries = 1; ; tries++) {
    const found = new Map<string, T>();
    let last: string | undefined;
    for (let offset = 0; ; offset += PAGE - 1) {
      const call: Call = { method: "POST", path, body: JSON.stringify({ ...filter, limit: PAGE, offset }), effect: "read" };
      const page = read(client, call, await client.call(call));
      const moved = last !== undefined && page[0]?.id !== last;
      if (moved && tries < TRIES) break;
      for (const each of page) found.set(each.id, each);
      last = page.at(-1)?.id;
      if (page.length < PAGE) return [...found.values()];
    }
  }
}

/** Reads those of many ids that are there, as many at a time as Prefect takes. */
export async function readByIds<T extends { readonly id: string }>(
  ids: readonly string[],
  read: (some: readonly string[]) => Promise<readonly T[]>,
): Promise<Map<string, T>> {
  const known = [...new Set(ids)];
  const found = new Map<string, T>();
  for (let start = 0; start < known.length; start += PAGE)
    for (const each of await read(known.slice(start, start + PAGE))) found.set(each.id, each);
  return found;
}
