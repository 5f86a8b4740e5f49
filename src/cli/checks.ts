/**
 * What `ashlar doctor` makes of what it looks at: checks and their findings. Touches the contract of stores, and the rights of files.
 * @module
 */
import { type Stats, statSync } from "node:fs";
import { AshlarError } from "../errors.ts";
import type { Finding } from "../stores/store.ts";

/** One thing that was looked at. */
export interface Check {
  readonly name: "node" | "store" | "keys" | "records" | "login";
  readonly state: "ok" | "problem" | "skipped";
  /** What was looked at, in a few words. */
  readonly detail: string;
  readonly findings: readonly Finding[];
}

/** A check: a problem if there are findings. */
export function check(name: Check["name"], detail: string, findings: readonly Finding[]): Check {
  return { name, state: findings.length > 0 ? "problem" : "ok", detail, findings };
}

/** Something that concerns the whole. */
export function finding(message: string): Finding {
  return { where: "", message };
}

/** What an error says, as a finding. */
export function asFinding(error: AshlarError): Finding {
  return finding(error.message);
}

/** What work gives, or the AshlarError that it throws. */
export async function caught<T>(work: () => Promise<T>): Promise<T | AshlarError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof AshlarError) return error;
    throw error;
  }
}

/** Whether a file grants one of some rights, as octal bits. */
export function isOpen(state: Stats | undefined, bits: number): boolean {
  return process.platform !== "win32" && state !== undefined && (state.mode & bits) !== 0;
}

/** A file's state; undefined for one that may not be looked at: who opens it is told so. */
export function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}
