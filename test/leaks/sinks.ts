/**
 * Every way in which a program shows a value without meaning to. Run as a process by matrix.test.ts, which reads all that it prints. Arguments: `each`,
 * or a way in which a process ends; `blocks` or `naive`.
 */
import assert from "node:assert";
import { EventEmitter, once } from "node:events";
import { inspect, styleText } from "node:util";
import { deserialize, serialize } from "node:v8";
import { MessageChannel, Worker } from "node:worker_threads";
import { naive, subjects } from "./subjects.ts";

const [mode = "", which] = process.argv.slice(2);
const shown = which === "naive" ? naive : subjects;
const whole = { depth: Infinity, showHidden: true, getters: true, maxStringLength: null, maxArrayLength: null } as const;
/** As text, and without the form that a class gives itself. */
const bare = (value: unknown) => inspect(value, { ...whole, customInspect: false, showProxy: true });

function thrownBy(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}

/** An error in all its forms. */
function told(error: unknown): string {
  const { stack, message, cause } = error as Error;
  return [
    inspect(error, whole),
    bare(error),
    stack,
    message,
    String(cause),
    bare(cause),
    String(thrownBy(() => JSON.stringify(error))),
    String(error),
  ].join("\n");
}

type Values = Readonly<Record<string, unknown>>;

const SINKS: Readonly<Record<string, (value: object) => unknown>> = {
  "console.log": (value) => console.log(value, [value], { value }),
  "console.log of its fields": (value) => console.log(...Object.values(value as Values)),
  "console.dir": (value) => console.dir(value, { depth: null, showHidden: true, customInspect: false } as never),
  "console.table": (value) => console.table([value, { value }, Object.values(value as Values)]),
  "console.error": (value) => console.error(value),
  "console.trace, assert, group and counts": (value) => {
    console.trace(value);
    console.assert(false, "%o", value);
    console.group(value);
    console.groupEnd();
    console.count(String(value));
    console.time(String(value));
    console.timeLog(String(value), value);
  },
  "%s %o %O %j %d %i %f %c": (value) => console.log("%s %o %O %j %d %i %f %c", value, value, value, value, value, value, value, value),
  "inspect, every option": (value) => {
    for (const compact of [true, false, 5])
      for (const customInspect of [true, false])
        for (const sorted of [true, false])
          console.log(
            inspect([value, new Map([[value, value]]), new Set([value]), new Proxy(value, {})], {
              ...whole,
              compact,
              customInspect,
              sorted,
              colors: sorted,
              showProxy: true,
              numericSeparator: sorted,
            }),
          );
  },
  text: (value) =>
    console.log(
      `${value}`,
      "".concat(value as never),
      [value].join(),
      (value as { toLocaleString(): string }).toLocaleString(),
      styleText("red", String(value)),
    ),
  "text of its fields": (value) =>
    console.log(
      Object.values(value as Values).map((field) =>
        typeof field === "bigint" || field instanceof Date ? "" : thrownBy(() => String(field)),
      ),
    ),
  JSON: (value) => {
    const replacer = (_key: string, item: unknown) => (typeof item === "bigint" ? String(item) : item);
    console.log(JSON.stringify(value, null, 1), JSON.stringify([{ ...value }, Object.entries(value)], replacer));
  },
  "taken apart": (value) =>
    console.log(
      bare({ ...value }),
      bare(Object.entries(value)),
      bare(Object.getOwnPropertyDescriptors(value)),
      bare(Reflect.ownKeys(value)),
      bare(Object.assign({}, value)),
    ),
  "its prototypes": (value) => {
    for (let at: object | null = value; at; at = Object.getPrototypeOf(at) as object | null)
      console.log(inspect(Object.getOwnPropertyDescriptors(at), { showHidden: true, depth: 3, customInspect: false }));
  },
  structuredClone: (value) =>
    console.log(bare(thrownBy(() => structuredClone(value))), bare(thrownBy(() => structuredClone({ ...value })))),
  "v8.serialize": (value) =>
    process.stdout.write(thrownBy(() => Buffer.concat([serialize(value), Buffer.from(bare(deserialize(serialize(value))))])) as Buffer),
  "an error's message, cause and properties": (value) => {
    console.log(told(new Error(String(value), { cause: value })), told(Object.assign(new Error("with properties"), { value, ...value })));
    console.log(told(new AggregateError([value, new Error("inner", { cause: value })], "many")), told(new DOMException(String(value))));
  },
  "assertion errors": (value) => {
    for (const failing of [
      () => assert.deepStrictEqual({ value }, { value: "other" }),
      () => assert.deepEqual(value, {}),
      () => assert.equal(value, "other"),
      () => assert.notStrictEqual(value, value),
      () => assert.partialDeepStrictEqual(value, { none: 1 }),
      () => assert.ifError(value),
      () => assert.fail(String(value)),
      () => assert.match(value as never, /x/),
      () => assert.throws(() => assert.equal(value, 1), { message: value as never }),
    ])
      console.log(told(thrownBy(failing)));
  },
  "Node's own complaints": (value) => {
    for (const field of [value, ...Object.values(value as Values)].filter((each) => typeof each === "object" && each !== null))
      for (const failing of [
        () => new URL(field as never),
        () => new URL(`https://${field}@host/${field}?${new URLSearchParams({ a: field as never })}`).href,
        () => new Headers({ authorization: `Bearer ${field}`, bad: field as never }),
        () => new Request(field as never),
        () => JSON.parse(field as never),
        () => BigInt(field as never),
        () => new RegExp(`[${field}`),
        () => Buffer.from(field as never),
        () => Buffer.alloc(field as never),
        () => (undefined as never)[field as never],
        () => Symbol(field as never).toString(),
        () => process.chdir(field as never),
        () => new Intl.NumberFormat(field as never),
        () => (1).toFixed(field as never),
        () => structuredClone(field, field as never),
        () => process.emitWarning(field as never),
        () => btoa(field as never),
      ])
        console.log(told(thrownBy(failing)));
  },
  "process.emitWarning": (value) => {
    process.emitWarning(String(value), { type: "Leak", detail: inspect(value, whole) });
    process.emitWarning(Object.assign(new Error("a warning", { cause: value }), { value }));
  },
  "a diagnostic report": (value) => {
    if (!process.report) return;
    process.report.excludeEnv = true;
    console.log(JSON.stringify(process.report.getReport(new Error(String(value), { cause: value }))));
  },
  "performance marks": (value) => console.log(bare(thrownBy(() => performance.mark("a", { detail: value })))),
  postMessage: async (value) => {
    const { port1, port2 } = new MessageChannel();
    for (const message of [value, { ...value }]) {
      if (thrownBy(() => port1.postMessage(message))) continue;
      const [received] = (await once(port2, "message")) as [unknown];
      console.log(bare(received));
    }
    port1.close();
  },
};

/** Ways in which a process ends that print what it ended with. */
const ENDS: Readonly<Record<string, (values: object[]) => unknown>> = {
  throw: (values) => {
    throw values;
  },
  "throw an error": (values) => {
    throw Object.assign(new Error(`it failed for ${values}`, { cause: values }), { values });
  },
  reject: (values) => Promise.reject(values),
  "reject with an error": (values) => Promise.reject(new AggregateError(values, String(values), { cause: values })),
  emit: (values) => new EventEmitter().emit("error", values),
  "a worker": (values) => {
    const source = `const { workerData } = require("node:worker_threads"); console.log(workerData); throw Object.assign(new Error("in a worker"), { workerData });`;
    const workerData = values.flatMap((value) => (thrownBy(() => serialize(value)) instanceof Buffer ? [value] : []));
    new Worker(source, { eval: true, workerData });
  },
};

if (mode === "each") {
  process.on("warning", (warning) => console.error(told(warning)));
  for (const [name, value] of Object.entries(shown))
    for (const [sink, show] of Object.entries(SINKS)) {
      process.stdout.write(`\n== ${name} - ${sink}\n`);
      await show(value);
    }
} else {
  await ENDS[mode]?.(Object.values(shown));
}
