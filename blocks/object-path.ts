/**
 * Paths of objects inside a container or bucket: under a folder, and percent-encoded for URLs. Imports public names only.
 *
 * `.` and `..` are refused: URL parsers resolve them, encoded or not, and so leave the container.
 * @module
 */
import { AshlarError } from "ashlar";

/**
 * The name of an object, not encoded. Slashes at the start of `path` do not count, so that it always lies in the folder.
 *
 * @param folder as Python's pathlib reads it, so that both languages find the same objects: slashes at its end, doubled ones and `.` do not
 * count, one at its start does. Default: none.
 */
export function objectPath(path: string, folder = ""): string {
  const inside = path.replace(/^\/+/, "");
  const root = /^\/\/(?!\/)/.test(folder) ? "//" : folder.startsWith("/") ? "/" : "";
  const above =
    root +
    folder
      .split("/")
      .filter((part) => part !== "" && part !== ".")
      .join("/");
  if (above === "" || inside === "") return above + inside;
  return `${above}${above.endsWith("/") ? "" : "/"}${inside}`;
}

/** A whole path, its slashes kept. @throws AshlarError `ERR_INVALID` */
export function encodedPath(path: string): string {
  return path
    .split("/")
    .map((segment) => encodedPart(segment, "path", true))
    .join("/");
}

/** Characters that RFC 3986 allows in a path and that names of tables and files use: `date=2024-01-01`, `$web`. */
const PLAIN = /%(?:24|2C|3A|3D|40)/g;

/** One part of a URL. @throws AshlarError `ERR_INVALID` */
export function encodedPart(part: string, what: string, mayBeEmpty = false): string {
  if (part === "." || part === "..") throw new AshlarError("ERR_INVALID", `"." and ".." are not possible in the ${what}.`, { path: what });
  if ((part === "" && !mayBeEmpty) || !part.isWellFormed())
    throw new AshlarError("ERR_INVALID", `The ${what} is empty, or no well-formed text.`, { path: what });
  return encodeURIComponent(part).replace(PLAIN, decodeURIComponent);
}
