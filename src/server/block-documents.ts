/**
 * Routes of block documents.
 * @module
 */
import type { Context } from "./context.ts";
import type { Route } from "./exchange.ts";

export function blockDocumentRoutes(_context: Context): Route[] {
  return [];
}
