/**
 * What the routes of a server are made with: its store, its audit log, its settings. Types and defaults; touches the contracts.
 * @module
 */
import type { Store } from "../stores/store.ts";
import type { Audit } from "./audit.ts";
import { DEFAULT_MAX_BODY } from "./body.ts";
import { type Hosts, LOOPBACK } from "./guard.ts";
import type { Metrics } from "./metrics.ts";
import { type Rules, STRICT } from "./rules.ts";
import type { Schemas } from "./schemas.ts";
import type { Surroundings } from "./surroundings.ts";

/** What a server can be told. */
export interface Settings {
  /** Where it is stricter than Prefect's. Default: everywhere. */
  readonly rules: Rules;
  /** By which names it is reached. Default: those of this machine. */
  readonly hosts: Hosts;
  /** Largest body of a request, in bytes. Default 1 MiB. */
  readonly maxBody: number;
  /** Whether documents must fit their schema. Default false, as with Prefect. */
  readonly validate: boolean;
  /** Whether a stored secret goes on beside changed values only for who may load it. Default false. */
  readonly guardKept: boolean;
  /** Whether requests come over TLS. Default false. */
  readonly secure: boolean;
  /** Whether a proxy stands before it and says where requests come from. Default false. */
  readonly proxied: boolean;
  /** After how many milliseconds a request that is not answered is given up. Default 30,000. */
  readonly answerWithinMs: number;
  /** Takes lines for the log. Default: nobody does. */
  readonly log: (line: string) => void;
}

/** What routes are made with. */
export interface Context {
  readonly store: Store;
  readonly audit: Audit;
  readonly settings: Settings;
  readonly metrics: Metrics;
  readonly schemas: Schemas;
  readonly surroundings: Surroundings;
}

/** What holds where nothing else is said. */
export const DEFAULTS: Settings = {
  rules: STRICT,
  hosts: { names: LOOPBACK, anyAddress: false },
  maxBody: DEFAULT_MAX_BODY,
  validate: false,
  guardKept: false,
  secure: false,
  proxied: false,
  answerWithinMs: 30_000,
  log: () => {},
};
