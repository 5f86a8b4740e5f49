/**
 * Two logs of requests and answers, compared field by field. Ids, times and tokens, which differ from run to run, are named by the order in which they
 * come. Pure.
 * @module
 */
import type { IncomingHttpHeaders } from "node:http";
import { isRawNumber, parseLossless, pointer } from "../../src/json.ts";
import type { Exchange } from "./recorder.ts";

/** One step of a scenario: what passed, and what came of it for who asked. */
export interface Step {
  readonly name: string;
  readonly exchanges: readonly Exchange[];
  readonly outcome: unknown;
}

/** One field in which two logs differ. */
export interface Difference {
  readonly step: string;
  /** Method and path; empty for the outcome. */
  readonly request: string;
  /** `request/…`, `status`, `headers/NAME`, `answer/POINTER` or `outcome/POINTER`. */
  readonly at: string;
  readonly theirs: unknown;
  readonly ours: unknown;
}

/** All that differs between two runs of one scenario. */
export function compared(theirs: readonly Step[], ours: readonly Step[]): Difference[] {
  const [left, right] = [new Names(), new Names()];
  return theirs.flatMap((step, index) => {
    const other = ours[index];
    if (other?.name !== step.name) throw new Error(`${step.name} is no step of both`);
    const [a, b] = [
      step.exchanges.map((each) => left.exchange(step.name, each)),
      other.exchanges.map((each) => right.exchange(step.name, each)),
    ];
    const asked = (all: readonly { readonly asked: string }[]) => all.map((each) => each.asked);
    const tell = (request: string) => (found: Found) => ({ step: step.name, request, ...found });
    const found = [...differences(left.named(step.outcome, step.name), right.named(other.outcome, step.name), "outcome")].map(tell(""));
    if (JSON.stringify(asked(a)) !== JSON.stringify(asked(b)))
      return [...found, { step: step.name, request: "", at: "requests", theirs: asked(a), ours: asked(b) }];
    return [...found, ...a.flatMap(({ asked: request, ...rest }, at) => [...differences(rest, without(b[at]), "")].map(tell(request)))];
  });
}

function without(exchange: (Named & { readonly asked: string }) | undefined): Named | undefined {
  if (!exchange) return undefined;
  const { asked: _asked, ...rest } = exchange;
  return rest;
}

interface Named {
  readonly request: { readonly headers: unknown; readonly body: unknown };
  readonly status: number;
  readonly headers: unknown;
  readonly answer: unknown;
}

type Found = Pick<Difference, "at" | "theirs" | "ours">;

function* differences(theirs: unknown, ours: unknown, at: string): Generator<Found> {
  if (isTree(theirs) && isTree(ours) && Array.isArray(theirs) === Array.isArray(ours)) {
    for (const key of new Set([...Object.keys(theirs), ...Object.keys(ours)]))
      yield* differences(theirs[key], ours[key], at === "" ? key : at + pointer([key]));
  } else if (JSON.stringify(theirs) !== JSON.stringify(ours)) yield { at, theirs, ours };
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !isRawNumber(value);
}

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;
const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g;
const CSRF = /^[0-9a-f]{64}$/;
/** Of the connection, not of what is said. */
const CONNECTION = ["host", "connection", "keep-alive", "content-length", "transfer-encoding", "date", "accept-encoding"];

/** The names of what differs from run to run, in one log: an id is called by the place where it came first. */
class Names {
  readonly #known = new Map<string, string>();

  exchange(step: string, { method, path, headers, body, status, answerHeaders, answer }: Exchange): Named & { readonly asked: string } {
    const asked = `${method} ${this.#text(path.replace(/client=[^&]+/, "client=<client>"), `${step}, path`)}`;
    return {
      asked,
      request: { headers: headersOf(headers), body: this.#body(body, `${step}, ${asked}, request`) },
      status,
      headers: headersOf(answerHeaders),
      answer: this.#body(answer, `${step}, ${asked}`),
    };
  }

  named(value: unknown, place: string): unknown {
    if (typeof value === "string") return this.#text(value, place);
    if (!isTree(value)) return value;
    if (Array.isArray(value)) return value.map((item, index) => this.named(item, `${place}/${index}`));
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [
        key,
        key === "token" && CSRF.test(String(item)) ? "<token>" : this.named(item, `${place}/${key}`),
      ]),
    );
  }

  #body(text: string, place: string): unknown {
    return text === "" ? null : this.named(parseLossless(text), place);
  }

  #text(text: string, place: string): string {
    return text.replace(TIME, "<time>").replace(ID, (id) => this.#known.get(id) ?? this.#name(id, place));
  }

  #name(id: string, place: string): string {
    const taken = [...this.#known.values()].filter((name) => name.startsWith(`<${place}`)).length;
    const name = `<${place}${taken === 0 ? "" : ` ${taken + 1}`}>`;
    this.#known.set(id, name);
    return name;
  }
}

function headersOf(headers: IncomingHttpHeaders): unknown {
  const named = Object.entries(headers).filter(([name]) => !CONNECTION.includes(name));
  return Object.fromEntries(
    named.map(([name, value]) => {
      if (name === "authorization") return [name, String(value).split(" ")[0]];
      return [name, ["x-request-id", "prefect-csrf-client", "prefect-csrf-token"].includes(name) ? `<${name}>` : value];
    }),
  );
}
