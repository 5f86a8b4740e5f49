/**
 * Reading an audit log: its end, all lines in bounded memory, its head. Touches node:fs.
 * @module
 */
import { createReadStream } from "node:fs";
import type { FileHandle } from "node:fs/promises";

/** Longest line that is read: one that reveals ten thousand documents is far below. */
const LONGEST = 16 * 1024 * 1024;
const CHUNK = 64 * 1024;

/** Path of what stands beside a log and says how far it goes. */
export function headPath(path: string): string {
  return `${path}.head`;
}

/** The end of a file of lines. */
export interface FileEnd {
  /** The last line that ends with a line break; empty where there is none. */
  readonly last: string;
  /** The one before it; undefined where there is none. */
  readonly before: string | undefined;
  /** Size of the file up to the end of the last line; what follows was never written to its end. */
  readonly size: number;
}

/** Reads the end of a file, backwards. */
export async function endOf(file: FileHandle, size: number): Promise<FileEnd> {
  let tail = "";
  for (let from = size; from > 0 && tail.length < LONGEST; ) {
    const length = Math.min(CHUNK, from);
    from -= length;
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
    tail = buffer.subarray(0, bytesRead).toString("latin1") + tail;
    const lines = tail.split("\n");
    const rest = lines.pop() ?? "";
    if (lines.length > 2 || from === 0) return { last: lines.at(-1) ?? "", before: lines.at(-2), size: from + tail.length - rest.length };
  }
  return { last: "", before: undefined, size: 0 };
}

/** The text of a head; empty where there is none. */
export async function headText(file: FileHandle): Promise<string> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, 0);
  return buffer.subarray(0, bytesRead).toString("latin1");
}

/**
 * All lines of a file, without their line breaks; what is not ASCII, and no line break but `\n`, is taken as it stands.
 * @throws NodeJS.ErrnoException
 */
export async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = "";
  for await (const chunk of createReadStream(path, { encoding: "latin1", highWaterMark: CHUNK }) as AsyncIterable<string>) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
    if (rest.length > LONGEST) break; // it is no line of ours: what was read of it says so
  }
  if (rest !== "") yield rest;
}
