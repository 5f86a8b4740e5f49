/**
 * Looks whether an audit log is as it was written: its chain, its keys, and how far it goes. Touches audit-file.ts and audit-chain.ts; changes nothing.
 * @module
 */
import { open } from "node:fs/promises";
import { AshlarError } from "../errors.ts";
import type { DerivedKey } from "../vaults/vault.ts";
import { type AuditKeys, keyOrNull } from "./audit.ts";
import { ChainCheck, type Link, readHead } from "./audit-chain.ts";
import { headPath, headText, linesOf } from "./audit-file.ts";

/** What was found. */
export interface AuditReport {
  readonly files: readonly string[];
  /** How many lines there are. */
  readonly lines: number;
  /** The last line's number in the whole log, and its hash. */
  readonly last: Link;
  /** The line that the first file goes on from; null where it begins the log. */
  readonly goesOnFrom: number | null;
  /** Where and how it was changed; empty when it was not. */
  readonly breaks: readonly { readonly file: string; readonly line: number; readonly what: string }[];
  /** Ids of keys that some lines were written with and that are not at hand. */
  readonly missingKeys: readonly string[];
  /** How many of the last lines no key at hand vouches for; of all before them one does. */
  readonly unproven: number;
  /** Lines that were written when `.head` was gone: whether others were cut off before them nobody knows. */
  readonly unsure: readonly number[];
  /** Whether it is known how far the log goes: without it lines cut off its end are not missed. */
  readonly endKnown: boolean;
}

/**
 * Checks a log.
 * @param files the log, or the files that it was moved away to, the oldest first.
 * @throws AshlarError `ERR_NOT_FOUND`, `ERR_DENIED`
 */
export async function verifyAudit(files: readonly string[], keys: AuditKeys): Promise<AuditReport> {
  const known = new Map<string, Promise<DerivedKey | null>>();
  const keyOf = (id: string) => {
    if (!known.has(id)) known.set(id, keyOrNull(keys, id));
    return known.get(id) as Promise<DerivedKey | null>;
  };
  const check = new ChainCheck(keyOf);
  const breaks: { file: string; line: number; what: string }[] = [];
  let head: Link | null = null;
  for (const file of files) {
    const from = check.breaks.length;
    head = await headOf(file, keyOf);
    await readable(file, async () => {
      check.nextFile(head);
      for await (const line of linesOf(file)) await check.add(line);
      check.endOfFile();
    });
    breaks.push(...check.breaks.slice(from).map(({ at, what }) => ({ file, line: at, what })));
  }
  return {
    ...{ files, lines: check.lines, last: check.end, breaks, unproven: check.unproven, endKnown: head !== null },
    goesOnFrom: check.goesOnFrom,
    missingKeys: [...check.missingKeys],
    unsure: check.unsure,
  };
}

async function headOf(file: string, keyOf: (id: string) => Promise<DerivedKey | null>): Promise<Link | null> {
  try {
    const handle = await open(headPath(file));
    try {
      return await readHead(await headText(handle), keyOf);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw unreadable(headPath(file), error);
  }
}

async function readable(file: string, read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    throw unreadable(file, error);
  }
}

function unreadable(file: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof AshlarError || code === undefined) return error;
  if (code === "ENOENT") return new AshlarError("ERR_NOT_FOUND", `There is no audit log ${file}.`);
  return new AshlarError("ERR_DENIED", `The audit log ${file} cannot be read (${code}).`);
}
