/** Keys for an audit log that no store made: two processes of a test share them. */
import { AshlarError } from "../../src/errors.ts";
import type { AuditKeys } from "../../src/server/audit.ts";

export const writerKeys: AuditKeys = async (id = "0badc0de") => {
  if (id !== "0badc0de") throw new AshlarError("ERR_UNKNOWN_KEY", "This key is not at hand.");
  return { key: id, bytes: new Uint8Array(32).fill(7) };
};
