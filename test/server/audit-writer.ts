/** Run by audit.test.ts where space is short: records, one entry after the other, until that is refused. Argument: path of the log. */
import { isAshlarError } from "../../src/errors.ts";
import { openAudit } from "../../src/server/audit.ts";
import { writerKeys } from "./audit-keys.ts";

const audit = await openAudit(process.argv[2] ?? "", writerKeys);
let recorded = 0;
let code = "none";
while (code === "none" && recorded < 10_000) {
  try {
    await audit.record({ who: "it", what: "load", of: "one", outcome: "done" });
    recorded++;
  } catch (error) {
    code = isAshlarError(error) ? error.code : String(error);
  }
}
process.stdout.write(JSON.stringify({ recorded, code }));
