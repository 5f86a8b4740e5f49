/**
 * The command line's program: commands, options, and how it ends. Touches commander; each command's code is imported when it is called.
 *
 * Results go to standard output, all else to standard error. With `--json` a result is one object on one line, of the shape that the command's file
 * states, and an error is `{"error":{"code","message",…}}` with the details of an AshlarError beside them; `code` is one of `errorCodes`,
 * `ERR_USAGE` or `ERR_UNEXPECTED`. Exit codes stand in failure.ts.
 * @module
 */
import { readFileSync } from "node:fs";
import { Command } from "commander";
import { EXIT_CODES, exitCodeOf, isUsageError, printFailure } from "./failure.ts";
import { openSession, type Session } from "./session.ts";

/** A command's code: what it was given, and the options; it gives the exit code where that is not 0. */
type Run<O> = (session: Session, given: readonly string[], options: O) => Promise<void>;

/** Runs the command line to its end, and then ends the process: what a registered module started must not keep it. */
export async function main(argv: readonly string[]): Promise<void> {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1)); // such as `| head`
  const code = await run(argv);
  process.stdout.write("", () => process.stderr.write("", () => process.exit(code)));
}

async function run(argv: readonly string[]): Promise<number> {
  try {
    await makeProgram().parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? 0); // a command sets it when it did its work and has something to tell
  } catch (error) {
    if (isUsageError(error) && error.exitCode === 0) return 0; // help or version was asked for
    printFailure(error, { json: argv.includes("--json"), stack: argv.includes("--stack") });
    return exitCodeOf(error);
  }
}

function makeProgram(): Command {
  const program = new Command("ashlar")
    .description("Typed configuration blocks and secrets: registers block classes, and shows and changes what is saved.")
    .version(version(), "-V, --version", "show the version")
    .option("--store <url>", 'where the documents are: "sqlite:PATH" (default: $ASHLAR_STORE, else a file in your data folder)')
    .option("--json", "one JSON object on standard output; errors as JSON on standard error")
    .option("--stack", "show where in the code an error arose")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ outputError: () => {} }) // errors are printed at the end, in one form
    .addHelpText("after", () => `\nSecrets are never taken from the arguments and never shown.\n\n${exitTable()}`)
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
  program
    .command("ls")
    .argument("[type]", "a type's slug; default all types")
    .description("list the documents")
    .action(call(async () => (await import("./document.ts")).listDocuments));
  program
    .command("inspect")
    .argument("<slug/name>", "such as azurecontainer/mtademo")
    .description("show a document, its secrets masked; needs no key")
    .action(call(async () => (await import("./document.ts")).inspectDocument));
  program
    .command("apply")
    .argument("<file...>", "YAML or JSON files that declare documents")
    .description("create and change documents as the files declare them; shows first what changes")
    .option("--dry-run", "only show what would change")
    .action(call(async () => (await import("./apply.ts")).apply));
  program
    .command("delete")
    .argument("<slug/name>", "such as azurecontainer/mtademo")
    .description("delete a document; refused while others refer to it")
    .option("--cascade", "delete those that refer to it too, after asking")
    .option("--yes", "do not ask")
    .action(call(async () => (await import("./document.ts")).deleteDocument));
  addKeyCommands(program);
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

const ENVIRONMENT_KEYS =
  "\nWhere keys come from ASHLAR_KEYS nothing is changed: the variable's new value is printed, which is secret. No other command shows a key.";

/** A commander action that opens a session for a command and closes it whatever happens. */
function call<O>(load: () => Promise<Run<O>>): (...args: unknown[]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command;
    const options = command.optsWithGlobals<O & { store?: string; json?: boolean }>();
    const session = openSession({ url: options.store, json: options.json });
    try {
      const runCommand = await load();
      await runCommand(session, command.args, options);
    } finally {
      await session.close();
    }
  };
}

function exitTable(): string {
  return ["Exit codes:", ...Object.entries(EXIT_CODES).map(([code, meaning]) => `  ${code.padEnd(4)}${meaning}`), ""].join("\n");
}

function version(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
