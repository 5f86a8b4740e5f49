/**
 * What the command line writes: text without control characters, tables, JSON, colours, files. Touches node:util and node:fs.
 * @module
 */
import { writeFileSync } from "node:fs";
import { styleText } from "node:util";
import { AshlarError } from "../errors.ts";
import { plain } from "../plain.ts";

export { plain };

/** Text of several lines, safe for a terminal. */
export function lines(text: string): string {
  return text.split("\n").map(plain).join("\n");
}

/** A value as JSON on one line, safe for a terminal and still the same JSON. */
export function jsonText(value: unknown): string {
  return plain(JSON.stringify(value));
}

/** Text in a style, where the stream is a terminal that wants colours (`NO_COLOR`, `FORCE_COLOR` are respected). */
export function paint(style: Parameters<typeof styleText>[0], text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return styleText(style, text, { stream });
}

/** Columns of text under their heads; on a terminal lines are cut to its width. */
export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => row.map(plain));
  const widths = heads.map((head, column) => Math.max(head.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    fitted(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    );
  return [paint("bold", line(heads)), ...cells.map(line)];
}

/** Pairs of a label and a text, aligned. */
export function pairs(rows: readonly (readonly [string, string])[], indent = ""): string[] {
  const width = Math.max(0, ...rows.map(([label]) => plain(label).length));
  return rows.map(([label, text]) => `${indent}${plain(label).padEnd(width)}  ${text}`);
}

function fitted(text: string): string {
  const { columns } = process.stdout;
  return columns > 0 && text.length > columns ? `${text.slice(0, columns - 1)}…` : text;
}

/** Writes a command's result: the object with `--json`, else the lines. */
export function print({ json }: { readonly json: boolean }, result: object, text: () => readonly string[]): void {
  const written = json ? jsonText(result) : text().join("\n");
  if (written !== "") process.stdout.write(`${written}\n`);
}

/** Writes a file. @throws AshlarError `ERR_NOT_FOUND`, `ERR_INVALID`, `ERR_DENIED`, `ERR_UNREACHABLE` as where the disk is full */
export function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw new AshlarError("ERR_NOT_FOUND", `There is no folder for the file ${file}.`);
    if (code === "EISDIR") throw new AshlarError("ERR_INVALID", `${file} is a folder, not a file.`);
    const denied = code === "EACCES" || code === "EPERM" || code === "EROFS";
    throw new AshlarError(denied ? "ERR_DENIED" : "ERR_UNREACHABLE", `${file} cannot be written (${code}).`);
  }
}
