/**
 * What can be told of a Prefect store's URL alone. Touches nothing.
 * @module
 */

/** Whether a store's URL names a Prefect server: `prefect:`, `prefect+https://…` or `prefect+http://…`. */
export function isPrefectUrl(url: string): boolean {
  return /^prefect(\+https?)?:/.test(url);
}

/** Whether an address is this machine's, where nobody listens in. */
export function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}
