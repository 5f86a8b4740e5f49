/**
 * A double of Azure Key Vault, as far as secrets go: no emulator of it can be installed from npm, so this one is ours. It speaks HTTPS to the real
 * client of @azure/keyvault-secrets and answers what Microsoft's documentation and public reports say that the service answers; key-vault-secrets.ts
 * keeps the secrets. It is no proof of what the service itself does.
 *
 * Beside that it does what a test tells it to: be throttled, refuse, be slow, and tell when it has done something and has not said so yet.
 * @module
 */
import { readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { SecretClient, type SecretClientOptions } from "@azure/keyvault-secrets";
import { onTestFinished } from "vitest";
import { type Answer, KeptSecrets, refusal } from "./key-vault-secrets.ts";

/** Path of the certificate of `localhost`, made for tests alone. */
export const CERTIFICATE = join(import.meta.dirname, "../fixtures/localhost.pem");

/** What was asked. */
export interface Asked {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly body: string;
}

/** What a double does out of the ordinary. */
export interface DoubleOptions {
  /** Default true: what is deleted cannot be purged. */
  readonly purgeProtection?: boolean | undefined;
  /** Milliseconds for which a name stays unusable after it was recovered or purged. Default 0. */
  readonly settling?: number | undefined;
}

/** A running double. */
export class KeyVaultDouble {
  readonly #server = createServer({ cert: readFileSync(CERTIFICATE), key: readFileSync(CERTIFICATE.replace(".pem", "-key.pem")) });
  readonly #secrets: KeptSecrets;
  readonly #throttled: number[] = [];
  #port = 0;
  /** All that was asked with a token, in order. */
  readonly asked: Asked[] = [];
  /** Answers in place of the vault, unless undefined. */
  intercept: (asked: Asked) => Answer | undefined = () => undefined;
  /** Called when something was done and before it is said. */
  done: (asked: Asked) => void | Promise<void> = () => {};
  /** Milliseconds before each answer. */
  latency = 0;

  constructor(options: DoubleOptions = {}) {
    this.#secrets = new KeptSecrets(options.purgeProtection ?? true, options.settling ?? 0);
    this.#server.on("request", (request, response) => void this.#serve(request, response));
  }

  static async start(options?: DoubleOptions): Promise<KeyVaultDouble> {
    const double = new KeyVaultDouble(options);
    await new Promise<void>((listening) => double.#server.listen(0, "127.0.0.1", listening));
    double.#port = (double.#server.address() as AddressInfo).port;
    return double;
  }

  get port(): number {
    return this.#port;
  }

  /** The address of the vault. */
  get url(): string {
    return `https://localhost:${this.port}`;
  }

  /** Values of all versions that are kept, deleted ones too. */
  get values(): string[] {
    return this.#secrets.values;
  }

  /** The next requests are answered with 429. */
  throttle(times: number, retryAfterSeconds: number): void {
    for (let time = 0; time < times; time++) this.#throttled.push(retryAfterSeconds);
  }

  /** The real client, of this vault or of whatever stands before it. */
  client(url = this.url, options: SecretClientOptions = {}): SecretClient {
    return new SecretClient(url, CREDENTIAL, { ...CLIENT_OPTIONS, ...options });
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise<void>((closed) => this.#server.close(() => closed()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const part of request) body += part;
    const asked: Asked = { method: request.method ?? "", path: request.url ?? "", body };
    const challenge = {
      "www-authenticate": 'Bearer authorization="https://login.microsoftonline.com/double", resource="https://vault.azure.net"',
    };
    if (!/^Bearer \S+$/.test(request.headers.authorization ?? ""))
      return send(response, { ...refusal(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token."), headers: challenge });
    this.asked.push(asked);
    if (this.latency > 0) await wait(this.latency);
    const seconds = this.#throttled.shift();
    if (seconds !== undefined)
      return send(response, { ...refusal(429, "Throttled", "Too many requests."), headers: { "retry-after": String(seconds) } });
    const answer = this.intercept(asked) ?? this.#answer(asked);
    await this.done(asked);
    send(response, answer);
  }

  #answer({ method, path, body }: Asked): Answer {
    const { pathname, searchParams } = new URL(path, this.url);
    if (pathname === "/") return { status: 200, body: { about: "a double of Azure Key Vault for the tests of Ashlar" } };
    if (!searchParams.has("api-version")) return refusal(400, "BadParameter", "The api-version query parameter is missing.");
    let given: unknown;
    try {
      given = body === "" ? undefined : JSON.parse(body);
    } catch {
      return refusal(400, "BadParameter", "The request body is no JSON.");
    }
    return this.#secrets.answer(method, pathname, searchParams, given as never, this.url);
  }
}

/** One that stops after the test at hand. */
export async function openedDouble(options?: DoubleOptions): Promise<KeyVaultDouble> {
  const double = await KeyVaultDouble.start(options);
  onTestFinished(() => double.stop());
  return double;
}

/** A credential that any vault of this kind takes. */
const CREDENTIAL = { getToken: async () => ({ token: "double", expiresOnTimestamp: Date.now() + 3_600_000 }) };

/** What the client needs to know of a double: whom to trust, and that its host is not Azure's. Retries are the client's own, and quick. */
const CLIENT_OPTIONS: SecretClientOptions = {
  disableChallengeResourceVerification: true,
  retryOptions: { maxRetries: 3, retryDelayInMs: 20 },
  tlsOptions: { ca: readFileSync(CERTIFICATE) },
};

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const about = { "content-type": "application/json; charset=utf-8", "x-ms-keyvault-service-version": "double", ...headers };
  if (!response.socket?.destroyed) response.writeHead(status, about).end(body === undefined ? "" : JSON.stringify(body));
}
