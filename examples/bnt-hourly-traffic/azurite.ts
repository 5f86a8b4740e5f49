/**
 * Starts Azurite, the emulator of Azure Storage, as a child process: in memory, on a free port of the loopback interface, with an account whose
 * key is made here and now.
 * @module
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** A running Azurite. */
export interface Azurite {
  /** Name of its only account. */
  readonly account: string;
  /** The account's key; a secret, although a short-lived one. */
  readonly key: string;
  /** Address of the account's blobs. */
  readonly endpoint: string;
  /** Account, key and address in one; a secret. */
  readonly connectionString: string;
  /** Ends it; what it held is gone. */
  stop(): Promise<void>;
}

const START_TIMEOUT = 30_000;
/** Ends the child when its standard input closes, which happens also when this process is killed. */
const END_WITH_PARENT = 'data:text/javascript,process.stdin.on("close",()=>process.exit()).resume()';

/**
 * Starts one and waits until it listens.
 * @param more options of its command line, such as those for TLS.
 * @throws Error when it ends or says nothing for 30 s.
 */
export async function startAzurite(account = "mtademo", more: readonly string[] = []): Promise<Azurite> {
  const key = randomBytes(64).toString("base64");
  const main = fileURLToPath(import.meta.resolve("azurite/dist/src/blob/main.js"));
  const options = ["--silent", "--blobHost", "127.0.0.1", "--blobPort", "0"];
  options.push("--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry", ...more);
  const child = spawn(process.execPath, ["--import", END_WITH_PARENT, main, ...options], {
    cwd: tmpdir(),
    env: { ...process.env, AZURITE_ACCOUNTS: `${account}:${key}` },
    stdio: ["pipe", "pipe", "ignore"],
  });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGKILL"); // nothing of it needs to be put in order
    await ended;
  };
  const origin = await Promise.race([
    firstAddress(child.stdout),
    ended.then(() => undefined),
    sleep(START_TIMEOUT, undefined, { ref: false }),
  ]);
  if (origin === undefined) {
    await stop();
    throw new Error("Azurite did not start. Is it installed (npm ci)?");
  }
  const endpoint = `${origin}/${account}`;
  const connectionString = `DefaultEndpointsProtocol=${new URL(origin).protocol.slice(0, -1)};AccountName=${account};AccountKey=${key};BlobEndpoint=${endpoint};`;
  return { account, key, endpoint, connectionString, stop };
}

async function firstAddress(output: NodeJS.ReadableStream): Promise<string | undefined> {
  for await (const line of createInterface({ input: output })) {
    const address = /listens on (https?:\/\/\S+)/.exec(line)?.[1];
    if (address !== undefined) {
      output.resume();
      return address;
    }
  }
  return undefined;
}
