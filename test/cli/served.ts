/** `ashlar serve` as a real process in a folder of its own, and clients of it. */
import type { ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { onTestFinished } from "vitest";
import { Client } from "../server/serving.ts";
import type { Ended, Started, Workplace } from "./workplace.ts";

/** A server that listens. */
export interface Served {
  /** What it printed when it began to listen. */
  readonly shown: {
    readonly url: string;
    readonly store: string;
    readonly keys: unknown;
    readonly audit: string;
    readonly python: string;
    readonly typescript: string;
  };
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  client(token: string): Client;
}

/** Starts a server on a free port. @param options of the command, separated by blanks. @throws Error when it ends before it listens */
export function serve(place: Workplace, options = "", environment: Readonly<Record<string, string>> = {}): Promise<Served> {
  return listening(place.start(`serve --port 0 --json ${options}`.trim(), environment));
}

/** A server that was started otherwise, when it listens. @throws Error when it ends before */
export async function listening({ child, ended }: Started): Promise<Served> {
  onTestFinished(() => void child.kill("SIGKILL"));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const line = await Promise.race([new Promise<string>((first) => lines.once("line", first)), ended]);
  if (typeof line !== "string") throw new Error(`it ended with ${line.code}: ${line.stderr}`);
  const shown = JSON.parse(line) as Served["shown"];
  return { shown, child, ended, client: (token) => new Client(shown.url, `Bearer ${token}`) };
}

/** A new token of some roles, made by the command line. */
export async function newToken(place: Workplace, roles: string, name = roles.replaceAll(",", "-")): Promise<string> {
  const { text } = (await place.json(`token create ${name} --role ${roles}`)) as { readonly text?: unknown };
  return String(text);
}
