/**
 * `ashlar completion`: scripts by which shells complete commands, options, types and documents; and what these scripts ask on each Tab.
 *
 * No JSON: with `--words` it prints one candidate a line, and nothing where files belong or something fails.
 * @module
 */
import type { Argument, Command, Option } from "commander";
import { ROLES } from "../access-token.ts";
import { usageError } from "./failure.ts";
import { placeOf } from "./lookup.ts";
import { openSession, type Session } from "./session.ts";

const ASK = "completion --words --";
const SCRIPTS: Readonly<Record<string, string>> = {
  // From the line itself: bash would cut a store's URL at its colons.
  bash: `# ashlar: eval "$(ashlar completion bash)"
_ashlar() {
  local line="\${COMP_LINE:0:COMP_POINT}"
  local -a words
  read -ra words <<< "$line"
  [[ "$line" == *[[:space:]] ]] && words+=("")
  local IFS=$'\\n'
  COMPREPLY=($("$1" ${ASK} "\${words[@]:1}" 2>/dev/null))
  [[ \${#COMPREPLY[@]} -eq 1 && "\${COMPREPLY[0]}" == *[=/] ]] && compopt -o nospace
  return 0
}
complete -o default -F _ashlar ashlar
`,
  zsh: `#compdef ashlar
# ashlar: eval "$(ashlar completion zsh)", after compinit; or as the file _ashlar in a folder of $fpath
_ashlar() {
  local -a found
  found=("\${(@f)$("\${words[1]}" ${ASK} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ "\${found[1]}" == *[=/] ]]; then compadd -S '' -a found
  elif [[ -n "\${found[1]}" ]]; then compadd -a found; else _files; fi
}
if [[ "\${funcstack[1]}" == _ashlar ]]; then _ashlar "$@"; else compdef _ashlar ashlar; fi
`,
  fish: `# ashlar: ashlar completion fish | source
function __ashlar_complete
    set -l current (commandline -ct)
    set -l words (commandline -opc) "$current"
    set -l found ($words[1] ${ASK} $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path "$current"
    end
end
complete -c ashlar -f -a '(__ashlar_complete)'
`,
};

/** What a shell puts on its command line as it is. Whoever can write a store's file can put any text into it, one that runs there for instance. */
const HARMLESS = /^[\p{L}\p{N}_./=:@%+-]+$/u;

/** Prints a shell's script; with `words`, the candidates for the last one. */
export async function completion(
  _session: Session,
  given: readonly string[],
  options: { words?: boolean },
  program: Command,
): Promise<void> {
  if (options.words === true) {
    const found = await candidates(program, given).catch(() => []); // a shell has nowhere to show what went wrong
    process.stdout.write(found.map((each) => (HARMLESS.test(each) ? `${each}\n` : "")).join(""));
    return;
  }
  const [shell = ""] = given;
  const script = Object.hasOwn(SCRIPTS, shell) ? SCRIPTS[shell] : undefined;
  if (script === undefined || given.length > 1) throw usageError("Name the shell: bash, zsh or fish.");
  process.stdout.write(script);
}

/** What a line's words say before its last one. */
interface Line {
  readonly command: Command;
  /** Arguments of the command so far. */
  readonly before: readonly string[];
  /** The option whose value the last word is. */
  readonly option: Option | undefined;
  readonly url: string | undefined;
}

async function candidates(program: Command, words: readonly string[]): Promise<string[]> {
  const current = words.at(-1) ?? "";
  const { command, before, option, url } = readLine(program, words.slice(0, -1));
  const begins = (all: readonly string[]) => all.filter((each) => each.startsWith(current));
  if (!option && current.startsWith("-")) return begins(optionsOf(command).flatMap(({ long }) => long ?? []));
  if (!option && command.commands.length > 0)
    return begins(
      command
        .createHelp()
        .visibleCommands(command)
        .map((each) => each.name()),
    );
  const kind = option ? (option.flags.split(/[ ]/).at(-1) ?? "") : argumentAt(command, before.length);
  const session = openSession({ url });
  try {
    return begins(await valuesOf(kind.replace(/[<>[\].]/g, ""), { session, current, before }));
  } finally {
    await session.close();
  }
}

function readLine(program: Command, words: readonly string[]): Line {
  let [command, option, url]: [Command, Option | undefined, string | undefined] = [program, undefined, undefined];
  const before: string[] = [];
  for (const word of words) {
    if (option) {
      if (option.long === "--store") url = word;
      option = undefined;
    } else if (word.startsWith("-")) {
      if (word.startsWith("--store=")) url = word.slice("--store=".length);
      option = optionsOf(command).find((each) => (each.long === word || each.short === word) && (each.required || each.optional));
    } else {
      const next = command.commands.find((each) => each.name() === word);
      if (next) command = next;
      else before.push(word);
    }
  }
  return { command, before, option, url };
}

function optionsOf(command: Command): Option[] {
  const help = command.createHelp();
  return [...help.visibleOptions(command), ...help.visibleGlobalOptions(command)];
}

function argumentAt(command: Command, index: number): string {
  const last: Argument | undefined = command.registeredArguments.at(-1);
  return (command.registeredArguments[index] ?? (last?.variadic ? last : undefined))?.name() ?? "";
}

/** Everything that could stand for an argument or an option's value, by the name that the command gives it. */
async function valuesOf(
  kind: string,
  { session, current, before }: { session: Session; current: string; before: readonly string[] },
): Promise<string[]> {
  const types = async () => (await (await session.store()).types()).map(({ slug }) => slug);
  const documents = async () => {
    const [type] = current.includes("/") ? current.split("/") : [undefined];
    return (await (await session.store()).names({ type })).map(placeOf);
  };
  const fields = async () => {
    const [type = "", name = ""] = before[0]?.split("/") ?? [];
    const { fieldNotes } = await import("./type.ts");
    const schema = name === "" ? null : await (await session.store()).schema({ type });
    return schema ? [...fieldNotes(schema.fields).keys()] : [];
  };
  switch (kind) {
    case "slug":
    case "type":
      return types();
    case "slug/name":
      return documents();
    case "new slug/name":
    case "slug/new-name":
      return (await types()).map((slug) => `${slug}/`);
    case "slug|slug/name":
      return [...(await types()), ...(await documents())];
    case "field":
      return fields();
    case "field=value":
    case "field=variable":
      return (await fields()).map((field) => `${field}=`);
    case "roles":
      return Object.keys(ROLES);
    case "slugs":
      return types();
    case "token":
      return ((await (await session.store()).accessTokens?.list()) ?? []).map(({ name }) => name);
    case "shell":
      return Object.keys(SCRIPTS);
    default:
      return [];
  }
}
