/**
 * What the server counts, as Prometheus reads it. Labels are routes, methods and codes: no name, no id, no address of anything. Touches node:perf_hooks.
 *
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 * @module
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Route } from "./exchange.ts";

/** Upper ends of the histogram's buckets, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

interface Series {
  readonly labels: string;
  readonly buckets: number[];
  sum: number;
  count: number;
}

/** Counts of one server. */
export class Metrics {
  readonly #series = new Map<Route | undefined, Map<number, Series>>();
  readonly #failures = new Map<string, number>();
  readonly #started = Date.now() / 1000;
  readonly #delay = monitorEventLoopDelay({ resolution: 20 });
  /** Tells how many requests are being answered. */
  running: () => number = () => 0;
  /** How many websockets are open. */
  sockets = 0;

  constructor() {
    this.#delay.enable();
  }

  /** A request was answered. @param route undefined: it found none. */
  answered(route: Route | undefined, status: number, seconds: number): void {
    let ofRoute = this.#series.get(route);
    if (!ofRoute) this.#series.set(route, (ofRoute = new Map()));
    let series = ofRoute.get(status);
    if (!series) ofRoute.set(status, (series = newSeries(route, status)));
    const bucket = BUCKETS.findIndex((end) => seconds <= end);
    if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    series.sum += seconds;
    series.count++;
  }

  /** Something failed on the server's side. @param code one of `errorCodes`, or `ERR_UNEXPECTED`. */
  failed(code: string): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1);
  }

  /** All of it as text. */
  text(): string {
    const { rss, heapUsed } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    const lines = [
      ...head("ashlar_request_seconds", "histogram", "Time from a request's headers to its answer."),
      ...[...this.#series.values()].flatMap((ofRoute) => [...ofRoute.values()].flatMap(histogram)),
      ...head("ashlar_failures_total", "counter", "Failures of the server, its store or its keys, by code."),
      ...[...this.#failures].map(([code, count]) => `ashlar_failures_total{code="${code}"} ${count}`),
      ...single("ashlar_requests_running", "gauge", "Requests that are being answered.", this.running()),
      ...single("ashlar_websockets", "gauge", "Open websockets.", this.sockets),
      ...single(
        "ashlar_event_loop_delay_p99_seconds",
        "gauge",
        "How late timers are, at the 99th percentile.",
        this.#delay.percentile(99) / 1e9,
      ),
      ...single("process_resident_memory_bytes", "gauge", "Memory of the process.", rss),
      ...single("nodejs_heap_used_bytes", "gauge", "Memory that JavaScript uses.", heapUsed),
      ...single("process_cpu_seconds_total", "counter", "Processor time of the process.", (user + system) / 1e6),
      ...single("process_start_time_seconds", "gauge", "When the server started, in seconds since 1970.", this.#started),
    ];
    return `${lines.join("\n")}\n`;
  }

  close(): void {
    this.#delay.disable();
  }
}

function newSeries(route: Route | undefined, status: number): Series {
  const labels = route ? `method="${route.method}",route="${route.path}",status="${status}"` : `method="",route="",status="${status}"`;
  return { labels, buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
}

function head(name: string, type: string, help: string): string[] {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
}

function single(name: string, type: string, help: string, value: number): string[] {
  return [...head(name, type, help), `${name} ${value}`];
}

function histogram({ labels, buckets, sum, count }: Series): string[] {
  let below = 0;
  const lines = BUCKETS.map((end, index) => `ashlar_request_seconds_bucket{${labels},le="${end}"} ${(below += buckets[index] ?? 0)}`);
  return [
    ...lines,
    `ashlar_request_seconds_bucket{${labels},le="+Inf"} ${count}`,
    `ashlar_request_seconds_sum{${labels}} ${sum}`,
    `ashlar_request_seconds_count{${labels}} ${count}`,
  ];
}
