/**
 * `ashlar serve` for tests, in the form of the real Prefect server beside it: a process of its own over a SQLite store in an empty folder, with tokens.
 * @module
 */
import { createInterface } from "node:readline";
import type { Role } from "../../src/access-token.ts";
import { Workplace } from "../cli/workplace.ts";
import { type PrefectServer, withoutPrefect } from "./prefect-server.ts";

/** A running server. */
export interface AshlarServer extends PrefectServer {
  /** Its own API: a store's URL. */
  readonly url: string;
  /** An admin's access token. */
  readonly token: string;
  /** The folder that it stands in, for the command line. */
  readonly place: Workplace;
  /** The environment of somebody who has a new token of some roles. */
  environmentOf(...roles: readonly Role[]): Promise<Readonly<Record<string, string>>>;
}

/** By which of Prefect's settings its client shows the token. */
export type Login = "PREFECT_API_KEY" | "PREFECT_API_AUTH_STRING";

/** Starts one. @param options of the command, separated by blanks. @throws Error when it ends before it listens */
export async function startAshlarServer(login: Login = "PREFECT_API_KEY", options = ""): Promise<AshlarServer> {
  const place = new Workplace();
  await place.run("init");
  let tokens = 0;
  const newToken = async (roles: readonly Role[]): Promise<string> => {
    const { text } = (await place.json(`token create t${tokens++} --role ${roles.join()}`)) as { readonly text?: unknown };
    return String(text);
  };
  const token = await newToken(["admin"]);
  const { child, ended } = place.start(`serve --port 0 --json ${options}`.trim());
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (log += text));
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const line = await Promise.race([new Promise<string>((first) => lines.once("line", first)), ended]);
  if (typeof line !== "string") throw new Error(`ashlar serve ended with ${line.code}: ${line.stderr}`);
  const { url } = JSON.parse(line) as { readonly url: string };
  const apiUrl = `${url}/api`;
  const environmentWith = (text: string) => ({
    ...withoutPrefect(process.env),
    PREFECT_HOME: place.folder,
    PREFECT_API_URL: apiUrl,
    [login]: text,
  });
  return {
    ...{ apiUrl, url, port: Number(new URL(url).port), token, place, environment: environmentWith(token), log: () => log },
    environmentOf: async (...roles) => environmentWith(await newToken(roles)),
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}
