/**
 * What can be told of a Prefect store's URL alone. Touches nothing.
 * @module
 */

/** Whether a store's URL names a Prefect server: `prefect:`, `prefect+https://…` or `prefect+http://…`. */
export function isPrefectUrl(url: string): boolean {
  return /^prefect(\+https?)?:/.test(url);
}
