/**
 * Client libraries that a program may or may not have installed: asked for when a client is made, and named when they are missing. Imports public
 * names only.
 * @module
 */
import { AshlarError } from "ashlar";

/**
 * A package, loaded; `load` is `() => import("…")`, written where the package's name can be seen.
 *
 * @param name the package, for the message.
 * @param what is reached by it, at the start of a sentence: `"Amazon S3"`.
 * @throws AshlarError `ERR_MISSING_PACKAGE`
 */
export async function optionalPackage<T>(name: string, what: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    const absent =
      error instanceof Error && "code" in error && error.code === "ERR_MODULE_NOT_FOUND" && error.message.includes(`'${name}'`);
    if (!absent) throw error;
    throw new AshlarError("ERR_MISSING_PACKAGE", `${what} is reached by the package ${name}, which is not installed: npm install ${name}`);
  }
}
