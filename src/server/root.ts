/**
 * Routes of the server as a whole: whether it is well, its versions, its counts (protocol.md §1.3). Touches the store's contract.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import type { Context } from "./context.ts";
import { csrfRoute } from "./csrf.ts";
import { json, type Reply, type Route } from "./exchange.ts";

/** The version of Prefect's API that is spoken here. */
const API_VERSION = "0.8.4";
/** What Prefect's client is told of the server's version: of its own major one, and not older than any (protocol.md §1.2). */
const SERVER_VERSION = "3.99.0";
/** Within this a store that is well says something, in milliseconds. */
const READY_MS = 2000;

export function rootRoutes({ store, settings, metrics }: Context): Route[] {
  const health: Route["answer"] = () => json(true);
  const ready: Route["answer"] = () => isReady(store.type({ slug: "secret" }));
  return [
    { method: "GET", path: "/health", needs: null, answer: health },
    { method: "GET", path: "/api/health", needs: null, answer: health },
    { method: "GET", path: "/ready", needs: null, answer: ready },
    { method: "GET", path: "/api/ready", needs: null, answer: ready },
    { method: "GET", path: "/api/version", needs: "see", prefect: false, answer: () => json(API_VERSION) },
    { method: "GET", path: "/api/admin/version", needs: "see", answer: () => json(SERVER_VERSION) },
    { method: "GET", path: "/api/hello", needs: "see", answer: () => json("👋") },
    { method: "GET", path: "/metrics", needs: "see", answer: () => ({ status: 200, type: METRICS_TYPE, body: metrics.text() }) },
    csrfRoute(settings.rules.csrf),
  ];
}

const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const NOT_READY: Reply = { status: 503, body: JSON.stringify({ message: "Database is not available" }), headers: { "retry-after": "1" } };

async function isReady(asked: Promise<unknown>): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Reply>((resolve) => (timer = setTimeout(resolve, READY_MS, NOT_READY)));
  try {
    return await Promise.race([asked.then(() => json({ message: "OK" })), late]);
  } catch (error) {
    if (isAshlarError(error)) return NOT_READY;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
