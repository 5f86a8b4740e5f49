/**
 * Text without characters that nobody sees: names and values come from stores and files, a terminal obeys control characters, and both terminals and
 * editors reorder text by others. Touches nothing else.
 * @module
 */

/** Control and format characters: C0, C1, direction overrides, zero-width ones, line separators; and halves of characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Text on one line, what nobody would see in it as escapes. */
export function plain(text: string): string {
  return text.replace(UNSEEN, escaped);
}

function escaped(character: string): string {
  return Array.from({ length: character.length }, (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`).join("");
}
