/** A folder in which the command line runs as real processes, with its own store, keys and modules. Everything it prints is kept for the leak sweep. */
import { type ChildProcess, execFile } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "../temporary.ts";
import { Terminal } from "./terminal.ts";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const NODE = join(REPOSITORY, "node_modules/.bin/node");
const BIN = join(REPOSITORY, "src/cli/bin.ts");

function words(command: string): string[] {
  return command.split(" ").filter((part) => part !== "");
}

/** How a call ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A call that goes on. */
export interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

export class Workplace {
  readonly folder = temporaryFolder();
  readonly data = join(this.folder, "data/ashlar");
  readonly keyFile = join(this.folder, "config/ashlar/keys");
  /** All that any call printed. */
  printed = "";

  constructor() {
    mkdirSync(join(this.folder, "node_modules"));
    symlinkSync(REPOSITORY, join(this.folder, "node_modules/ashlar"));
    symlinkSync(join(REPOSITORY, "node_modules/zod"), join(this.folder, "node_modules/zod"));
  }

  /** Writes a file in the folder. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Runs `ashlar` with arguments separated by blanks. */
  run(command: string, environment: Readonly<Record<string, string>> = {}, nodeOptions: readonly string[] = []): Promise<Ended> {
    return this.node([...nodeOptions, BIN, ...words(command)], environment);
  }

  /** Runs `ashlar` with a text on standard input. */
  feed(input: string, command: string, environment: Readonly<Record<string, string>> = {}): Promise<Ended> {
    return this.node([BIN, ...words(command)], environment, input);
  }

  /** Runs `ashlar` on a pseudo-terminal. Nothing has to be quoted in the command. */
  terminal(command: string): Terminal {
    return new Terminal(`"${NODE}" "${BIN}" ${command}`, this.folder, this.environment());
  }

  /** An executable `ashlar` on a path of its own, for shells. */
  shell(command: string, args: readonly string[]): Promise<Ended> {
    return this.startShell(command, args).ended;
  }

  /** The same, for whoever does not want to wait for its end. */
  startShell(command: string, args: readonly string[]): Started {
    const bin = this.write("bin/ashlar", `#!/bin/sh\nexec "${NODE}" "${BIN}" "$@"\n`);
    chmodSync(bin, 0o755);
    return this.spawn(command, args, { PATH: `${dirname(bin)}:${process.env.PATH}` });
  }

  /** Runs Node in the folder. Nothing of the tester's own environment reaches it. */
  node(args: readonly string[], environment: Readonly<Record<string, string>> = {}, input = ""): Promise<Ended> {
    return this.spawn(NODE, args, environment, input).ended;
  }

  /** Starts Node in the folder, for whoever wants to send it signals; the arguments of `ashlar` are separated by blanks. */
  start(given: string | readonly string[], environment: Readonly<Record<string, string>> = {}): Started {
    return this.spawn(NODE, typeof given === "string" ? [BIN, ...given.split(" ")] : given, environment);
  }

  private spawn(file: string, args: readonly string[], environment: Readonly<Record<string, string>>, input = ""): Started {
    const { promise: ended, resolve } = Promise.withResolvers<Ended>();
    const child = execFile(file, args, { cwd: this.folder, env: { ...this.environment(), ...environment } }, (error, stdout, stderr) => {
      this.printed += stdout + stderr;
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
    child.stdin?.end(input);
    return { child, ended };
  }

  private environment(): Record<string, string> {
    const folders = { XDG_DATA_HOME: join(this.folder, "data"), XDG_CONFIG_HOME: join(this.folder, "config") };
    return { PATH: process.env.PATH ?? "", HOME: this.folder, ...folders };
  }

  /** Runs `ashlar … --json` and gives the one object it prints. */
  async json(command: string, environment: Readonly<Record<string, string>> = {}): Promise<Record<string, never>> {
    const { code, stdout, stderr } = await this.run(`${command} --json`, environment);
    if (code !== (command.includes("--dry-run") ? 2 : 0)) throw new Error(`ashlar ${command} ended with ${code}: ${stderr}`);
    return JSON.parse(stdout) as Record<string, never>;
  }

  /** Output with what differs from run to run made the same. */
  steady(text: string): string {
    return text
      .replaceAll(this.folder, "~")
      .replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?Z/g, "TIME")
      .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "ID")
      .replace(/sha256:[0-9a-f]+/g, "sha256:SUM")
      .replace(/id [0-9a-f]{8}/g, "id KEY")
      .replace(/by \S+$/gm, "by USER")
      .replace(/(TIME {2})\S+$/gm, "$1USER");
  }

  /** Every file of the store, its write-ahead log included. */
  storeBytes(): Buffer {
    return Buffer.concat(readdirSync(this.data).map((name) => readFileSync(join(this.data, name))));
  }
}

/** A module with a parent and a child, and one of every kind of secret. */
export const BLOCKS = `
import { Block, block, secret } from "ashlar";
import { z } from "zod";

export class Account extends Block.define({
  name: "Account",
  description: "Where bytes are kept. More of it.",
  fields: {
    user: z.string().describe("Who."),
    token: secret().describe("The token."),
    pin: secret(z.int()).optional(),
    headers: secret(z.record(z.string(), z.string())).optional(),
    retries: z.int().default(3),
    tags: z.array(z.string()).default([]),
  },
}) {}

export class Other extends Block.define({ name: "Other", fields: { token: secret() } }) {}

export class Service extends Block.define({
  name: "Service",
  fields: { host: z.string(), account: Account, more: z.array(block(Account)).optional(), either: z.union([block(Account), block(Other)]).optional() },
}) {}

export const notABlock = 5;
`;
