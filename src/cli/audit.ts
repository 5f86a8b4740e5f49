/**
 * `ashlar audit verify`: whether the audit log of `ashlar serve` is as it was written. Touches the server's audit-verify.ts.
 *
 * JSON: `{"files","lines","last":{"line","hash"},"goesOnFrom","breaks":[{"file","line","what"}],"missingKeys","unproven","unsure","endKnown"}`; see
 * `AuditReport`. Exit code 74 when there are breaks, 77 when no key at hand vouches for the last lines.
 * @module
 */
import { resolve } from "node:path";
import { auditKeys } from "../server/audit.ts";
import { type AuditReport, verifyAudit } from "../server/audit-verify.ts";
import { auditLogPath } from "../user-folders.ts";
import { EXIT } from "./failure.ts";
import { paint, plain, print } from "./output.ts";
import type { Session } from "./session.ts";

/** Checks a log, or the files of one, the oldest first. */
export async function verifyAuditLog(session: Session, given: readonly string[]): Promise<void> {
  const files = given.length > 0 ? given.map((file) => resolve(file)) : [auditLogPath()];
  const report = await verifyAudit(files, auditKeys(await session.store()));
  print(session, report, () => told(report));
  if (report.breaks.length > 0) process.exitCode = EXIT.damaged;
  else if (report.unproven > 0) process.exitCode = EXIT.unproven;
}

function told({ lines, last, goesOnFrom, breaks, missingKeys, unproven, unsure, endKnown }: AuditReport): string[] {
  const findings = breaks.map(({ file, line, what }) => `${paint("red", `${plain(file)}:${line}`)}  ${what}`);
  const notes = [
    ...(goesOnFrom === null
      ? []
      : [`It goes on from line ${goesOnFrom}, which lies in another file: name that one before it to have both checked.`]),
    ...(missingKeys.length === 0 ? [] : [`Some lines were written with ${missingKeys.join(", ")}, which is not at hand.`]),
    ...(unproven === 0
      ? []
      : [`Nothing vouches for the last ${unproven === 1 ? "line" : `${unproven} lines`}: bring back that key to have them checked.`]),
    ...unsure.map((line) => `When line ${line} was written, .head was gone: lines that were cut off before it would not be missed.`),
    ...(endKnown || lines === 0 ? [] : ["There is no .head beside it: lines cut off its end would not be missed."]),
  ];
  const end = `It ends with line ${last.line}, ${last.hash}.`;
  const sum = `${lines} line${lines === 1 ? "" : "s"}, ${breaks.length === 0 ? "none of them changed" : `${breaks.length} break${breaks.length === 1 ? "" : "s"}`}. ${end}`;
  return [...findings, ...notes.map((note) => `${paint("yellow", "note")}  ${note}`), sum];
}
