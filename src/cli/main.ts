/**
 * The command line's program: commands, options, and how it ends. Touches commander; each command's code is imported when it is called.
 *
 * Results go to standard output, all else to standard error. With `--json` a result is one object on one line, of the shape that the command's file
 * states, and an error is `{"error":{"code","message",…}}` with the details of an AshlarError beside them; `code` is one of `errorCodes`,
 * `ERR_USAGE`, `ERR_INTERRUPTED` or `ERR_UNEXPECTED`. Exit codes stand in failure.ts.
 * @module
 */
import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";
import { Command, Option } from "commander";
import { AshlarError } from "../errors.ts";
import { EXIT_CODES, isUsageError, printFailure } from "./failure.ts";
import { openSession, type Session } from "./session.ts";

/** A command's code: what it was given, and the options; it gives the exit code where that is not 0. */
type Run<O> = (session: Session, given: readonly string[], options: O, program: Command) => Promise<void>;

/** Runs the command line to its end, and then ends the process: what a registered module started must not keep it. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = makeProgram(argv.includes("--json"));
  const failed = (error: unknown) =>
    printFailure(error, { json: argv.includes("--json"), stack: argv.includes("--stack"), command: commandIn(program, argv) });
  // Readers go away, as `| head` does: what was begun is done all the same, and what it says goes nowhere.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  const unended = () => void (process.exitCode = failed(new AshlarError("ERR_DEFINITION", UNENDED)));
  process.once("exit", unended);
  process.on("uncaughtException", (error) => {
    if (process.listenerCount("uncaughtException") === 1) end(failed(error)); // else the command ends in its own way
  });
  end(await run(program, argv, failed));

  function end(code: number): void {
    process.off("exit", unended);
    process.stdout.write("", () => {
      const last = outputFault() && code === 0 ? failed(outputFault()) : code;
      process.stderr.write("", () => process.exit(last));
    });
  }
}

const UNENDED =
  "It ended before its work was done: a module that was imported ended the process, or waits for something that never comes. What was written before stays.";

/** Why what was printed is not whole; undefined where it is, or where nobody wants to read it. */
function outputFault(): AshlarError | undefined {
  const { code } = (process.stdout.errored ?? {}) as NodeJS.ErrnoException;
  if (code === undefined || code === "EPIPE") return undefined;
  return new AshlarError("ERR_UNREACHABLE", `The work was done, and its result is lost: standard output cannot be written (${code}).`);
}

async function run(program: Command, argv: readonly string[], failed: (error: unknown) => number): Promise<number> {
  try {
    await program.parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? 0); // a command sets it when it did its work and has something to tell
  } catch (error) {
    return isUsageError(error) && error.exitCode === 0 ? 0 : failed(error); // 0: help or version was asked for
  }
}

/** The command that arguments name, as far as they do: `ashlar key add`. */
function commandIn(program: Command, argv: readonly string[]): string {
  const path = [program];
  for (const word of argv.filter((each) => !each.startsWith("-"))) {
    const next = path.at(-1)?.commands.find((each) => each.name() === word);
    if (!next) break;
    path.push(next);
  }
  return path.map((each) => each.name()).join(" ");
}

function makeProgram(json: boolean): Command {
  const program = new Command("ashlar")
    .description("Typed configuration blocks and secrets: registers block classes, and shows and changes what is saved.")
    .version(version(), "-V, --version", "show the version")
    .option(
      "--store <url>",
      'where the documents are: "sqlite:PATH", "prefect:", "https://HOST", … (default: $ASHLAR_STORE, else a file in your data folder)',
    )
    .option("--json", "one JSON object on standard output; errors as JSON on standard error")
    .option("--stack", "show where in the code an error arose")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {}, ...(json && { writeErr: () => {} }) }) // errors are printed at the end, in one form
    .addHelpText("after", () => `\nSecrets are never taken from the arguments, and shown only by --reveal.\n\n${exitTable()}`)
    .exitOverride();
  addCommands(program);
  return program;
}

function addCommands(program: Command): void {
  program
    .command("init")
    .description("make a store, and a key to seal it with; what is there already stays as it is")
    .option("--passphrase", "no key file: the key is derived from ASHLAR_PASSPHRASE")
    .action(call(async () => (await import("./init.ts")).init));
  program
    .command("register")
    .argument("<file|module>", "a TypeScript or JavaScript file, or a package, that exports block classes")
    .description("make the block classes of a module known to the store")
    .option("--update", "write changed names, descriptions and links over the ones there")
    .action(call(async () => (await import("./register.ts")).register));
  const type = program.command("type").description("the block types that the store knows");
  type
    .command("ls")
    .description("list the types")
    .action(call(async () => (await import("./type.ts")).listTypes));
  type
    .command("inspect")
    .argument("<slug>", "such as databricks-credentials")
    .description("show a type and the fields of its newest schema")
    .action(call(async () => (await import("./type.ts")).inspectType));
  type
    .command("delete")
    .argument("<slug>", "such as databricks-credentials")
    .description("delete a type and its schemas; refused while it has documents")
    .option("--cascade", "delete its documents too, after asking")
    .option("--yes", "do not ask")
    .action(call(async () => (await import("./type.ts")).deleteType));
  program
    .command("ls")
    .argument("[type]", "a type's slug; default all types")
    .description("list the documents")
    .option("--anonymous", "those that were saved without a name")
    .action(call(async () => (await import("./document.ts")).listDocuments));
  program
    .command("inspect")
    .argument("<slug/name>", "such as azurecontainer/mtademo")
    .description("show a document, its secrets masked; needs no key")
    .option("--reveal", "show its secrets")
    .action(call(async () => (await import("./document.ts")).inspectDocument));
  program
    .command("create")
    .argument("<slug/new-name>", "such as azurecontainer/mtademo")
    .description("make a document: asks field by field on a terminal, elsewhere reads YAML or JSON")
    .option("--file <file>", "the fields as YAML or JSON, with { ref }, { env } and { file } as in apply; - is standard input")
    .option("--secret-env <field=variable>", "take a secret from an environment variable; may be repeated", each)
    .option("--overwrite", "replace the document that has the name")
    .action(call(async () => (await import("./create.ts")).create));
  program
    .command("set")
    .argument("<slug/name>", "such as azurecontainer/mtademo")
    .argument("[field=value...]", "public fields; the value is text, YAML or JSON, or ref:slug/name for a saved block")
    .description("change single fields of a document")
    .option("--secret-env <field=variable>", "take a secret from an environment variable; may be repeated", each)
    .option("--secret-stdin <field>", "take a secret from standard input")
    .option("--secret <field>", "ask for a secret on the terminal, unseen; may be repeated", each)
    .option("--unset <field>", "take a value away; may be repeated", each)
    .option("--if-revision <number>", "only if the document is at this revision")
    .action(call(async () => (await import("./set.ts")).setFields));
  program
    .command("get")
    .argument("<slug/name>", "such as azurecontainer/mtademo")
    .argument("[field]", "a dotted path, such as account.user; default all")
    .description("print values for scripts, secrets masked; needs no key")
    .option("--reveal", "print secrets too; needs the key")
    .action(call(async () => (await import("./get.ts")).getFields));
  program
    .command("export")
    .argument("[slug|slug/name...]", "types and documents; default all")
    .description("write documents as YAML that apply reads, without their secrets; needs no key")
    .option("--out <file>", "write to a file")
    .action(call(async () => (await import("./export.ts")).exportDocuments));
  program
    .command("copy")
    .argument("[slug/name...]", "documents, with all that they refer to; default all")
    .description("copy documents from one store to another, with their types; run again, it goes on where it was interrupted")
    .option("--from <url>", "the store to copy from (default: --store)")
    .option("--to <url>", "the store to copy to")
    .option("--dry-run", "only show what would be written; exit code 2 when something would")
    .option("--overwrite", "replace documents that are there and differ")
    .option("--skip", "leave documents that are there and differ")
    .option("--inline", "copies in place of references inside lists and records, which a Prefect server does not keep")
    .action(call(async () => (await import("./copy.ts")).copy));
  program
    .command("apply")
    .argument("<file...>", "YAML or JSON files that declare documents")
    .description("create and change documents as the files declare them; shows first what changes")
    .option("--dry-run", "only show what would change; exit code 2 when something would")
    .option("--prune", "remove what is in the store and in none of the files, after asking")
    .option("--type <slug>", "look only at this type for what is in none of the files; may be repeated (default: the whole store)", each)
    .option("--yes", "do not ask")
    .action(call(async () => (await import("./apply.ts")).apply));
  program
    .command("generate")
    .argument("[slug...]", "types, such as databricks-credentials; default all")
    .description("write block types as TypeScript classes, and what they nest")
    .option("--schema <file>", "take one schema as JSON in place of a store's types; - is standard input")
    .option("--out <file>", "write to a file; one that was not generated is not written over")
    .action(call(async () => (await import("./generate.ts")).generate));
  program
    .command("reseal")
    .argument("<file|slug/name...>", "documents of a store in files that were edited by hand or by a merge")
    .description("show what was changed in files of a store, and seal them as they are now")
    .option("--dry-run", "only show what was changed; exit code 2 when something was")
    .option("--yes", "do not ask")
    .action(call(async () => (await import("./reseal.ts")).reseal));
  program
    .command("delete")
    .argument("<slug/name>", "such as azurecontainer/mtademo")
    .description("delete a document; refused while others refer to it")
    .option("--cascade", "delete those that refer to it too, after asking")
    .option("--yes", "do not ask")
    .action(call(async () => (await import("./document.ts")).deleteDocument));
  program
    .command("completion")
    .argument("[shell...]", "bash, zsh or fish")
    .usage("bash|zsh|fish")
    .description("print the script that completes commands, types and documents in your shell")
    .addOption(new Option("--words").hideHelp())
    .action(call(async () => (await import("./completion.ts")).completion));
  addKeyCommands(program);
  addTokenCommands(program);
  addServeCommand(program);
  program
    .command("audit")
    .description("the audit log of ashlar serve")
    .command("verify")
    .argument(
      "[file...]",
      "the log, the files that it was moved away to before it (default: $ASHLAR_AUDIT_LOG, else audit.jsonl in your data folder)",
    )
    .description("say whether an audit log is as it was written, and else where it was changed; needs the store's key")
    .action(call(async () => (await import("./audit.ts")).verifyAuditLog));
  program
    .command("doctor")
    .description("say what is wrong with store, keys and records, and how to mend it; changes nothing")
    .action(call(async () => (await import("./doctor.ts")).doctor));
}

function addKeyCommands(program: Command): void {
  const key = program.command("key").description("the keys that seal the store");
  key
    .command("ls")
    .description("list the keys, and how many records each one seals")
    .action(call(async () => (await import("./key.ts")).listKeys));
  key
    .command("add")
    .description("make a key that opens and does not seal yet, so that every process can have it first")
    .addHelpText("after", ENVIRONMENT_KEYS)
    .action(call(async () => (await import("./key.ts")).addKey));
  key
    .command("promote")
    .argument("<id>", "a key's id, as key ls shows it")
    .description("make a key the one that seals")
    .addHelpText("after", ENVIRONMENT_KEYS)
    .action(call(async () => (await import("./key.ts")).promoteKey));
  key
    .command("rotate")
    .description("seal every record anew with the key that seals; can be interrupted, and goes on when run again")
    .option("--new", "make a new key first; for stores that only this machine uses")
    .action(call(async () => (await import("./key.ts")).rotateKeys));
  key
    .command("remove")
    .argument("<id>", "a key's id, as key ls shows it")
    .description("take a key away that no record of the store needs; other stores with this key are not looked at")
    .option("--yes", "do not ask")
    .addHelpText("after", ENVIRONMENT_KEYS)
    .action(call(async () => (await import("./key.ts")).removeKey));
}

function addServeCommand(program: Command): void {
  program
    .command("serve")
    .description("put the store behind a server, for Prefect's clients and our own; the command line works against it by --store http://…")
    .option("--host <address>", "where to listen; anywhere but on this machine only with TLS or a proxy", "127.0.0.1")
    .option("--port <number>", "0 takes any that is free", "4200")
    .option("--tls-cert <file>", "certificate in PEM, with those that it depends on")
    .option("--tls-key <file>", "its key in PEM")
    .option("--behind-proxy", "a proxy does TLS, and says in X-Forwarded-For where requests come from")
    .option("--allow-host <name>", "a name by which clients reach it; may be repeated", each)
    .option("--token-env <variable>", "one admin's access token from an environment variable, for containers")
    .option("--audit <file>", "the audit log (default: $ASHLAR_AUDIT_LOG, else audit.jsonl in your data folder)")
    .option("--no-system-types", "do not make Prefect's system types known")
    .option("--like-prefect", "take back what is stricter than in Prefect's server")
    .option("--validate", "refuse documents that do not fit their schema")
    .option("--guard-kept", "who may not load a secret may not change what stands beside it, either")
    .option("--max-body <bytes>", "largest body of a request (default: 1 MiB)")
    .action(call(async () => (await import("./serve.ts")).serve));
}

function addTokenCommands(program: Command): void {
  const token = program.command("token").description("who may come in where ashlar serve stands before the store");
  token
    .command("create")
    .argument("<name>", "for people, such as nightly-flow")
    .description("make an access token; its text is printed once and never again")
    .option(
      "--role <roles>",
      "viewer: sees all masked; user: loads secrets too; editor: sees and writes; admin: everything; several add up",
      each,
    )
    .option("--types <slugs>", "only documents of these block types, separated by commas", each)
    .option("--names <patterns>", "only documents with such a name, separated by commas; * stands for any text, as in x-*", each)
    .option("--expires <when>", "a duration such as 12h, 90d or 1y, or a date such as 2027-01-31 (default: never)")
    .action(call(async () => (await import("./token.ts")).createToken));
  token
    .command("ls")
    .description("list the access tokens, without their texts")
    .action(call(async () => (await import("./token.ts")).listTokens));
  token
    .command("revoke")
    .argument("<token>", "a token's name, as token ls shows it")
    .description("end an access token: every server refuses it from the next request on")
    .action(call(async () => (await import("./token.ts")).revokeToken));
}

const ENVIRONMENT_KEYS =
  "\nWhere keys come from ASHLAR_KEYS, or the Key Vault it names, nothing is changed: the new value is printed, which is secret. No other command shows a key.";

/** A commander action that opens a session for a command and closes it whatever happens. */
function call<O>(load: () => Promise<Run<O>>): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    const options = command.optsWithGlobals<O & { store?: string; json?: boolean }>();
    const session = openSession({ url: options.store, json: options.json });
    try {
      const runCommand = await load();
      await runCommand(session, command.args, options, rootOf(command));
    } finally {
      await session.close();
    }
  };
}

function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}

/** An option that may be given several times. */
function each(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

function exitTable(): string {
  return ["Exit codes:", ...Object.entries(EXIT_CODES).map(([code, meaning]) => `  ${code.padEnd(4)}${meaning}`), ""].join("\n");
}

function version(): string {
  const manifest = findPackageJSON(import.meta.url) as string; // what is published has other folders than the sources
  return (JSON.parse(readFileSync(manifest, "utf8")) as { version: string }).version;
}
