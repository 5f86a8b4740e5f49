/**
 * Slugs of block types as Prefect makes them (python-slugify's defaults; protocol.md §7.1), and the rule for document names. Touches errors.ts.
 * @module
 */
import { AshlarError } from "./errors.ts";

/** Letters that Unicode does not decompose, as text-unidecode writes them. */
// biome-ignore format: a table
const LETTERS: Record<string, string> = {
  ß: "ss", ẞ: "SS", æ: "ae", Æ: "AE", œ: "oe", Œ: "OE", ø: "o", Ø: "O", đ: "d", Đ: "D", ð: "d", Ð: "D", þ: "th", Þ: "Th", ł: "l", Ł: "L",
  ı: "i", ħ: "h", Ħ: "H", "’": "'", "‘": "'", "⁄": "/", "–": "-", "—": "-", "\u00a0": " ",
};

const ENTITIES = new Map(Object.entries({ amp: "&", lt: "<", gt: ">", quot: '"', nbsp: " " }));

/**
 * The slug of a block type's name: `Databricks Credentials` → `databricks-credentials`.
 *
 * @throws AshlarError `ERR_DEFINITION` for what needs a table of letters or of HTML entities (Prefect's has 数 → shu); give `slug` yourself then.
 */
export function slugify(name: string): string {
  return toAscii(name.replace(/'+/g, "-"), name)
    .replace(/&(\w+);/g, (_whole, entity: string) => ENTITIES.get(entity) ?? unknown(name))
    .replace(/&#(\d+);/g, (_whole, digits: string) => character(Number(digits), name))
    .replace(/&#x([\da-fA-F]+);/g, (_whole, digits: string) => character(Number.parseInt(digits, 16), name))
    .normalize("NFKD")
    .toLowerCase()
    .replace(/'+/g, "")
    .replace(/(?<=\d),(?=\d)/g, "")
    .replace(/[^-a-z0-9]+/g, "-")
    .replace(/-{2,}/g, "-")
    .replace(/^-|-$/g, "");
}

function unknown(name: string): never {
  throw new AshlarError(
    "ERR_DEFINITION",
    `No slug can be made from the name "${name}": give the block class a slug, such as slug: "my-block".`,
  );
}

function character(code: number, name: string): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : unknown(name);
}

function toAscii(text: string, name: string): string {
  let ascii = "";
  for (const letter of text.normalize("NFKD")) {
    if (letter <= "\u007f") ascii += letter;
    else if (LETTERS[letter] !== undefined) ascii += LETTERS[letter];
    else if (!/\p{M}/u.test(letter) && letter.length === 1) unknown(name); // beyond U+FFFF, emoji for one, nothing is written
  }
  return ascii;
}

/** Whether a text can be a block type's slug. */
export function isSlug(text: string): boolean {
  return /^[a-z0-9-]+$/.test(text);
}

/** Whether a text can be a document's name: lower-case letters, digits and dashes. Prefect's rule, without the newline it lets through. */
function isDocumentName(text: unknown): text is string {
  return typeof text === "string" && /^[a-z0-9-]+$/.test(text);
}

/** Refuses what cannot be a document's name. @throws AshlarError `ERR_INVALID` */
export function checkDocumentName(name: unknown): asserts name is string {
  if (isDocumentName(name)) return;
  const shown = typeof name === "string" ? JSON.stringify(name.slice(0, 100)) : `a ${name === null ? "null" : typeof name}`;
  const proposal =
    typeof name === "string"
      ? name
          .toLowerCase()
          .replace(/[^a-z0-9-]+/g, "-")
          .replace(/^-+|-+$/g, "")
      : "";
  const hint = proposal === "" || proposal === name ? "" : `, such as "${proposal.slice(0, 100)}"`;
  throw new AshlarError("ERR_INVALID", `A document's name consists of lower-case letters, digits and dashes${hint}: ${shown} does not.`);
}

/** Splits `slug/name`. @throws AshlarError `ERR_INVALID` */
export function splitReference(reference: string): { type: string; name: string } {
  const [type, name, ...rest] = reference.split("/");
  if (type === undefined || name === undefined || rest.length > 0 || !isSlug(type)) {
    throw new AshlarError(
      "ERR_INVALID",
      `A document is named "slug/name", such as "azurecontainer/mtademo": ${JSON.stringify(reference.slice(0, 200))} is not of that form.`,
    );
  }
  checkDocumentName(name);
  return { type, name };
}
