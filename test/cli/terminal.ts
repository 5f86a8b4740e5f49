/** A command on a pseudo-terminal, by `script` of util-linux or BSD: it waits for what the screen shows, and types. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";

/** Why there is no pseudo-terminal here; undefined where there is one. */
export function noTerminal(): string | undefined {
  const { error } = spawnSync("script", ["--version"]);
  return error ? `there is no "script" command here (${error.message})` : undefined;
}

export class Terminal {
  /** All that the screen was sent. */
  screen = "";
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #seen = 0;

  constructor(command: string, cwd: string, env: Readonly<Record<string, string>>) {
    const args = process.platform === "darwin" ? ["-q", "/dev/null", "sh", "-c", command] : ["-qefc", command, "/dev/null"];
    this.#child = spawn("script", args, { cwd, env: { ...env, TERM: "xterm", NO_COLOR: "1" } });
    this.#child.stdout?.on("data", (chunk) => (this.screen += String(chunk)));
    this.#ended = new Promise((done) => this.#child.on("close", done));
  }

  /** Waits until a text shows that was not there at the last one's time. */
  async shows(text: string): Promise<void> {
    for (const begin = Date.now(); ; await new Promise((next) => setTimeout(next, 20))) {
      const at = this.screen.indexOf(text, this.#seen);
      if (at >= 0) {
        this.#seen = at + text.length;
        return;
      }
      if (Date.now() - begin > 20_000) throw new Error(`The terminal never showed ${text}; it showed:\n${this.screen}`);
    }
  }

  /** Presses keys; `\r` is Enter. */
  types(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** The exit code. */
  ended(): Promise<number | null> {
    return this.#ended;
  }
}
