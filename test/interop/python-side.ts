/**
 * Prefect's own client in a process of its own, told what to do line by line: see python_side.py.
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { python } from "./python.ts";

/** Prefect's client. Each command rejects with Python's error. */
export interface PythonSide {
  /** Saves a block; `{ load: "slug/name" }` in the data stands for a saved one. @returns the document's id. */
  save(slug: string, name: string, data: object, overwrite?: boolean): Promise<string>;
  /** Loads a block, by its class or by `Block.load`. */
  load(slug: string, name: string, by?: "class" | "Block"): Promise<PythonBlock>;
  register(slug: string): Promise<void>;
  checksum(slug: string): Promise<string>;
  /** What `repr` shows of a block. */
  shown(slug: string, name: string): Promise<string>;
  /** Saves a block without a name. @returns the name that it got. */
  saveAnonymous(slug: string, data: object): Promise<string>;
  delete(slug: string, name: string): Promise<void>;
  /** The same by the twins that are awaited. */
  readonly twins: {
    save(slug: string, name: string, data: object, overwrite?: boolean): Promise<string>;
    /** @returns what Python would save of it, with secrets. */
    load(slug: string, name: string): Promise<Record<string, unknown>>;
    delete(slug: string, name: string): Promise<void>;
    register(slug: string): Promise<void>;
  };
  /** Runs `prefect` with arguments separated by blanks, in the same process; of what it says, blanks and the lines of tables are as one blank. */
  prefect(command: string): Promise<readonly [code: number, output: string]>;
  stop(): Promise<void>;
}

/** A block as Python has loaded it. */
export interface PythonBlock {
  readonly class: string;
  readonly id: string;
  /** What Python would save of it, with secrets, nested blocks expanded. */
  readonly data: Record<string, unknown>;
  /** Field → class and document's name of the block there. */
  readonly nested: Record<string, readonly [string, string | null]>;
}

/** Starts one. @param environment what Prefect's client finds its server by. */
export async function startPython(environment: Readonly<Record<string, string>>): Promise<PythonSide> {
  const child = spawn(await python(), ["python_side.py"], {
    cwd: import.meta.dirname,
    env: { COLUMNS: "300", NO_COLOR: "1", ...environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints += text));
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let last: Promise<unknown> = Promise.resolve();
  const ask = async <T>(command: object): Promise<T> => {
    const before = last;
    const answer = (async () => {
      await before.catch(() => undefined);
      child.stdin.write(`${JSON.stringify(command)}\n`);
      const { value } = await answers.next();
      if (value === undefined) throw new Error(`Python ended:\n${complaints}`);
      const { ok, error } = JSON.parse(value) as { ok?: T; error?: readonly string[] };
      if (error) throw new Error(error.join(": "));
      return ok as T;
    })();
    last = answer;
    return answer;
  };
  return {
    save: (slug, name, data, overwrite = false) => ask({ do: "save", slug, name, data, overwrite }),
    load: (slug, name, by = "class") => ask({ do: "load", slug, name, by }),
    register: (slug) => ask({ do: "register", slug }),
    checksum: (slug) => ask({ do: "checksum", slug }),
    shown: (slug, name) => ask({ do: "shown", slug, name }),
    saveAnonymous: (slug, data) => ask({ do: "save_anonymous", slug, data }),
    delete: (slug, name) => ask({ do: "delete", slug, name }),
    twins: {
      save: (slug, name, data, overwrite = false) => ask({ do: "save_async", slug, name, data, overwrite }),
      load: (slug, name) => ask({ do: "load_async", slug, name }),
      delete: (slug, name) => ask({ do: "delete_async", slug, name }),
      register: (slug) => ask({ do: "register_async", slug }),
    },
    async prefect(command) {
      const [code, output] = await ask<[number, string]>({ do: "command", arguments: command.split(" ") });
      return [code, output.replaceAll(/[\s\u2500-\u257f]+/g, " ").trim()];
    },
    async stop() {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) {
        const timer = setTimeout(() => child.kill("SIGKILL"), 5000);
        await once(child, "exit");
        clearTimeout(timer);
      }
    },
  };
}
