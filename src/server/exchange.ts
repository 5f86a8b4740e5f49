/**
 * What passes through the server: routes, the calls they get, the replies they give. Types and makers of replies; touches access.ts's types only.
 * @module
 */
import type { Right } from "../access-token.ts";
import type { Principal } from "./access.ts";

/** One thing that the server answers. All routes of a server stand in one table, so that a test can walk over them. */
export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path from the root; `{name}` stands for one segment of any text, `{name:uuid}` for a UUID. */
  readonly path: string;
  /** The right that a caller needs to come here at all; null: none, and no token. What a route does with single things it checks itself. */
  readonly needs: Right | null;
  /** Whether the checks of Prefect's API come first: its version, and its CSRF token where something changes. Default true below `/api`, but for our own. */
  readonly prefect?: boolean | undefined;
  /** @throws Refusal, AshlarError */
  answer(call: Call): Reply | Promise<Reply>;
}

/** A request that has been let in. */
export interface Call {
  readonly method: string;
  /** Segments of the path by the names that the route gives them; UUIDs in lower case with dashes. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Who asks. Of a route that needs no token: somebody who may do nothing. */
  readonly principal: Principal;
  /** Address of the client, as far as it is known. */
  readonly from: string;
  /** The store's stamp when the request had come: what was read since then is new enough for it. Undefined where the store has none. */
  readonly since: string | undefined;
  /** Identity of the request; the reply has it in `x-request-id`. */
  readonly id: string;
  header(name: string): string | undefined;
  /**
   * The body as JSON, within the limits on size, depth and number of keys, without keys given twice; numbers that JavaScript would change are kept
   * as their text (json.ts). Undefined when there is none; text when it is declared to be no JSON.
   * @throws Refusal
   */
  json(): Promise<unknown>;
}

/** An answer. */
export interface Reply {
  readonly status: number;
  /** Default: none. Parts are sent as they come. */
  readonly body?: string | AsyncIterable<string> | undefined;
  /** Of the body. Default `application/json`. */
  readonly type?: string | undefined;
  /** More headers; names in lower case. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Thrown to end a call with a reply. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly reply: Reply;
  /** What the server's log says of it; null: nothing. */
  readonly log: string | null;

  constructor(reply: Reply, log: string | null = null) {
    super(`refused with ${reply.status}`);
    this.reply = reply;
    this.log = log;
  }
}

/** A value as JSON. */
export function json(value: unknown, status = 200): Reply {
  return { status, body: JSON.stringify(value) };
}

/** JSON text that is made already. */
export function jsonText(body: string, status = 200): Reply {
  return { status, body };
}

/** Done, and nothing to say. */
export const DONE: Reply = { status: 204 };

/** A refusal in the shape that Prefect's client knows. */
export function refusal(status: number, detail: string, headers?: Reply["headers"]): Refusal {
  return new Refusal({ status, body: JSON.stringify({ detail }), headers });
}

/** A refusal of the server as a whole, in the shape that Prefect's client knows. */
export function exception(status: number, message: string, headers?: Reply["headers"]): Refusal {
  return new Refusal({ status, body: JSON.stringify({ exception_message: message }), headers });
}
