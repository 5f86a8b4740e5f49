/**
 * What Azure's services have in common: their SDKs, who asks, what their errors mean, and how much is asked at once. Touches @azure/identity when a
 * credential is asked for.
 *
 * No message made here quotes an address, a header or what a service said, and no error has a cause: any of these may hold a signature or a token.
 * @module
 */
import type { TokenCredential } from "@azure/identity";
import { AshlarError, type ErrorCode, isAshlarError } from "./errors.ts";

export type { TokenCredential };

/** What an error says of the service that it came from. */
export interface AzureService {
  /** Where it is, without credentials. */
  readonly where: string;
  /** What lets a caller in who is refused, in words. */
  readonly admission: string;
}

/** A package of Azure's SDK. @throws AshlarError `ERR_MISSING_PACKAGE` */
export async function azurePackage<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new AshlarError("ERR_MISSING_PACKAGE", `Azure is reached by the package ${name}, which is not installed: npm install ${name}`);
  }
}

/** Who this process is to Azure: environment variables, a workload's or a managed identity, or whoever signed in by `az login`. */
export async function defaultCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await azurePackage("@azure/identity", () => import("@azure/identity"));
  return new DefaultAzureCredential();
}

/** Runs at most so many pieces of work at a time; the others wait for their turn. */
export function limiter(most: number): <T>(work: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((turn) => waiting.push(turn));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else free++;
    }
  };
}

interface ServiceError {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly statusCode?: unknown;
  /** Storage's has `errorCode`, Key Vault's is the body of the answer. */
  readonly details?: { readonly errorCode?: unknown; readonly error?: { readonly innerError?: { readonly code?: unknown } } } | undefined;
}

/** The HTTP status of an error; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const { statusCode } = error as ServiceError;
  return typeof statusCode === "number" ? statusCode : undefined;
}

/** The code that a service, or the network, gave an error: `BlobNotFound`, `SecretDisabled`, `ECONNRESET`; empty where there is none. */
export function azureCode(error: unknown): string {
  const { code, details } = error as ServiceError;
  const codes = [details?.error?.innerError?.code, details?.errorCode, code];
  return codes.find((each): each is string => typeof each === "string" && /^\w{1,64}$/.test(each)) ?? "";
}

/** Whether an error leaves open if what was asked was done: no answer came, or one that does not say, or was cut. */
export function isAnswerLost(error: unknown): boolean {
  if (isAshlarError(error) || isSignInError(error)) return false;
  const status = statusOf(error);
  return status === undefined || status >= 500 || status === 408 || azureCode(error) === "PARSE_ERROR";
}

/** An error of Azure's as ours. What is an absence to the caller, or a lost race, is for him to find before. */
export function azureFailure(error: unknown, { where, admission }: AzureService): AshlarError {
  if (isAshlarError(error)) return error;
  const [code, message] = failureText(statusOf(error), azureCode(error), error, where, admission);
  return new AshlarError(code, message, { store: where });
}

function failureText(status: number | undefined, code: string, error: unknown, where: string, admission: string): [ErrorCode, string] {
  const said = [status, code].filter((part) => part !== undefined && part !== "").join(" ");
  if (isSignInError(error)) return ["ERR_DENIED", `No credential of Azure's works for ${where}: ${admission}.`];
  if (status === 401 || status === 403) return ["ERR_DENIED", `${where} refuses access (${said}): ${admission}.`];
  if (status === 429 || status === 503) return ["ERR_UNREACHABLE", `${where} is asked too often, or too busy (${said}): try again later.`];
  if (status !== undefined) return ["ERR_UNREACHABLE", `${where} cannot do what it was asked (${said}).`];
  return ["ERR_UNREACHABLE", networkText(code, (error as ServiceError).name, where)];
}

function networkText(code: string, name: unknown, where: string): string {
  if (name === "AbortError" || name === "TimeoutError") return `${where} gave no answer in time: try again.`;
  if (code === "ECONNREFUSED") return `Nothing listens at ${where} (ECONNREFUSED).`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return `There is no host of that name, or the network is not there: ${where} (${code}).`;
  if (/CERT|SIGNATURE|ISSUER|SELF_SIGNED|CRL/.test(code))
    return `The certificate of ${where} is not trusted (${code}): if it is the right one, NODE_EXTRA_CA_CERTS names the file of its authority.`;
  return `The connection to ${where} broke${code === "" ? "" : ` (${code})`}: try again.`;
}

/** Errors of @azure/identity, by name: they come before anything is sent. */
function isSignInError(error: unknown): boolean {
  return /^(CredentialUnavailable|(Aggregate)?Authentication(Required)?)Error$/.test(String((error as ServiceError).name));
}
