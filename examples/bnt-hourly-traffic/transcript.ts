/**
 * Runs the commands of the demo and prints them with what they say, after having looked through it for secrets. Touches child processes and
 * standard output.
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { styleText } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Programs as one types them in the repository, and what they stand for. */
const PROGRAMS = { "npx ashlar": ["src/cli/bin.ts"], "npx node": [] } as const;

/** What a reader sees: commands, their output, and words in between. */
export class Transcript {
  readonly #environment: Record<string, string> = {};
  readonly #secrets: () => readonly string[];
  readonly #write: (text: string) => void;

  /**
   * @param secrets what must not be shown; asked for before each text.
   * @param write where it goes. Default standard output.
   */
  constructor(secrets: () => readonly string[], write: (text: string) => void = (text) => void process.stdout.write(text)) {
    this.#secrets = secrets;
    this.#write = write;
  }

  /** Prints lines. @throws Error instead when they hold a secret, as it is or in a usual encoding */
  show(text: string): void {
    const found = this.#secrets().some((secret) => writings(secret).some((writing) => text.includes(writing)));
    if (found) throw new Error("A secret was about to be shown; the output stops here. This must never happen: please report it.");
    this.#write(`${text}\n`);
  }

  /** Prints the head of a step. */
  step(text: string): void {
    this.show(`\n${styleText("cyan", text)}`);
  }

  /** Sets a variable for the commands that follow; a secret's value is shown as a mask. */
  set(name: string, value: string, kind: "shown" | "secret" = "shown"): void {
    this.#environment[name] = value;
    this.#command(`export ${name}=${kind === "secret" ? "********" : value}`);
  }

  /** Runs a command in the repository's folder and gives what it said. @throws Error when it fails, or says a secret */
  async run(program: keyof typeof PROGRAMS, ...args: readonly string[]): Promise<string> {
    this.#command([program, ...args].join(" "));
    const child = spawn(process.execPath, [...PROGRAMS[program], ...args], {
      cwd: ROOT,
      env: { ...process.env, ASHLAR_KEYS: undefined, ASHLAR_PASSPHRASE: undefined, ...this.#environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const [code] = (await once(child, "close")) as [number | null];
    this.show(output.trimEnd());
    if (code !== 0) throw new Error(`The command ended with exit code ${code}.`);
    return output;
  }

  #command(text: string): void {
    this.show(styleText("bold", `$ ${text}`));
  }
}

function writings(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [secret, encodeURIComponent(secret), bytes.toString("base64"), bytes.toString("base64url"), bytes.toString("hex")];
}
