/**
 * Spark settings as blocks give them, secrets kept hidden, and the one call that hands them to Spark. Imports public names only.
 * @module
 */
import { Secret } from "ashlar";

/** Spark settings by key. What is secret stays a `Secret` until {@link revealConfigs}, so that settings can be logged. */
export type SparkConfigs = Readonly<Record<string, string | Secret<string>>>;

/**
 * The settings as Spark takes them, secrets in clear: call it where they are handed to Spark, and nowhere earlier.
 *
 * @param configs one block's settings, or several spread into one object.
 */
export function revealConfigs(configs: SparkConfigs): Record<string, string> {
  const entries = Object.entries(configs).map(([key, value]) => [key, value instanceof Secret ? value.reveal() : value] as const);
  return Object.fromEntries(entries);
}
