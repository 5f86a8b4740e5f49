/**
 * The vault of Azure Key Vault: the secrets of a record are one secret there, which is named by the record's id. Touches azure.ts, and
 * @azure/keyvault-secrets when a client is made.
 *
 * A token is `azure1.NAME.VERSION`. The value of that version is `{"binding","secrets"}`: the digest of the record's other half is compared before
 * any secret is given out, so that an edited or moved record does not open. A version is written before the record that names it, so nobody ever
 * reads half; one that no record names any more is disabled, and the whole secret is deleted with its record. What was interrupted in between left
 * a version, or a secret, that no record names: `check` finds those.
 * @module
 */
import { timingSafeEqual } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import type { SecretClient } from "@azure/keyvault-secrets";
import { azureCode, azureFailure, azurePackage, defaultCredential, limiter, statusOf, type TokenCredential } from "../azure.ts";
import { AshlarError } from "../errors.ts";
import { checkDepth, MAX_JSON_DEPTH, parseJson } from "../json.ts";
import { faultsIn, STORE_TAG } from "./azure-key-vault-check.ts";
import type { Binding, Sealed, Secrets, Vault } from "./vault.ts";

/** What is needed of a vault's client; a `SecretClient` of @azure/keyvault-secrets fits. */
export type SecretsClient = Pick<
  SecretClient,
  | "vaultUrl"
  | "getSecret"
  | "setSecret"
  | "updateSecretProperties"
  | "beginDeleteSecret"
  | "beginRecoverDeletedSecret"
  | "listPropertiesOfSecrets"
  | "listPropertiesOfSecretVersions"
>;

/** Which vault, and for which store. */
export interface AzureKeyVaultOptions {
  /** A client of the vault; or its URL, and who asks: by default whoever the process is to Azure. */
  readonly vault: SecretsClient | { readonly url: string; readonly credential?: TokenCredential | undefined };
  /** The store whose secrets they are; stands in the tags of each. Any backend fits. */
  readonly store: { readonly url: string; storeId(): Promise<string> };
  /** After how many days a version expires, where a policy of the vault asks for that; each save begins anew. Default: never. */
  readonly expiresAfterDays?: number | undefined;
  /** Milliseconds after which an answer counts as lost. Default 30,000. */
  readonly timeout?: number | undefined;
}

const TOKEN = /^azure1\.(ashlar-[0-9a-f-]{36})\.([0-9a-f]{32})$/;
const CONTENT_TYPE = "application/vnd.ashlar.secrets.v1+json";
/** Largest secrets of a document in bytes, as JSON: Key Vault takes 25,600, of which what stands around them takes 68. */
export const MAX_SECRET_BYTES = 25_600 - 68;
const MAX_TAG = 256;
const AT_ONCE = 16;
/** How long a name may be unusable after it was recovered is seconds, as reports have it: azure-sdk-for-net #31581. */
const SETTLING_MS = [250, 500, 1000, 2000, 4000, 4000, 4000];
const DAY_MS = 86_400_000;

/** A vault that keeps the secrets of a store's documents in Azure Key Vault. @throws AshlarError `ERR_MISSING_PACKAGE` */
export async function azureKeyVault({ vault, store, expiresAfterDays, timeout = 30_000 }: AzureKeyVaultOptions): Promise<Vault> {
  const client = "vaultUrl" in vault ? vault : await clientOf(vault.url, vault.credential);
  return new AzureKeyVault(client, store, expiresAfterDays, timeout);
}

/**
 * The value of one secret, of its last version unless the URL names one; null when there is none.
 * @param url `https://NAME.vault.azure.net/secrets/NAME[/VERSION]`.
 * @throws AshlarError `ERR_DENIED`, also when it is disabled; `ERR_UNREACHABLE`; `ERR_INVALID`; `ERR_MISSING_PACKAGE`.
 */
export async function readKeyVaultSecret(url: string): Promise<string | null> {
  const { origin, pathname, href } = new URL(url);
  const [, name, version] = /^\/secrets\/([0-9A-Za-z-]{1,127})(?:\/([0-9a-f]{32}))?$/.exec(pathname) ?? [];
  if (name === undefined || href !== origin + pathname)
    throw new AshlarError(
      "ERR_INVALID",
      "A secret of Azure Key Vault is named https://NAME.vault.azure.net/secrets/NAME, and nothing else.",
    );
  const client = await clientOf(origin, undefined);
  try {
    const { value = "" } = await client.getSecret(name, {
      ...(version !== undefined && { version }),
      abortSignal: AbortSignal.timeout(30_000),
    });
    return value;
  } catch (error) {
    if (azureCode(error) === "SecretNotFound") return null;
    throw failure(error, origin);
  }
}

async function clientOf(url: string, credential: TokenCredential | undefined): Promise<SecretsClient> {
  const sdk = await azurePackage("@azure/keyvault-secrets", () => import("@azure/keyvault-secrets"));
  return new sdk.SecretClient(url, credential ?? (await defaultCredential()));
}

class AzureKeyVault implements Vault {
  readonly #client: SecretsClient;
  readonly #store: AzureKeyVaultOptions["store"];
  readonly #expiresAfterDays: number | undefined;
  readonly #timeout: number;
  readonly #limited = limiter(AT_ONCE);
  #first: Promise<unknown> | undefined;
  #open = true;

  constructor(client: SecretsClient, store: AzureKeyVaultOptions["store"], expiresAfterDays: number | undefined, timeout: number) {
    this.#client = client;
    this.#store = store;
    this.#expiresAfterDays = expiresAfterDays;
    this.#timeout = timeout;
  }

  async seal(secrets: Secrets, binding: Binding, record: Sealed): Promise<string> {
    const name = secretName(record);
    const text = JSON.stringify(secrets);
    const bytes = Buffer.byteLength(text);
    if (bytes > MAX_SECRET_BYTES)
      throw new AshlarError(
        "ERR_LIMIT",
        `The secrets of ${record.type}/${record.name} have ${bytes} bytes; Azure Key Vault keeps at most ${MAX_SECRET_BYTES} of a document.`,
        { type: record.type, name: record.name },
      );
    const value = `{"binding":"${Buffer.from(binding()).toString("base64url")}","secrets":${text}}`;
    const version = await this.#write(name, value, await this.#tags(record));
    return `azure1.${name}.${version}`;
  }

  async open(token: string, binding: Binding): Promise<Secrets> {
    const [name, version] = partsOf(token);
    let value: string | undefined;
    try {
      ({ value } = await this.#call((abortSignal) => this.#client.getSecret(name, { version, abortSignal })));
    } catch (error) {
      throw notOpened(error, name, this.#client.vaultUrl);
    }
    return secretsIn(value ?? "", binding());
  }

  /** What cannot be forgotten now is left over: the write that it belongs to is done. */
  async discard(token: string, gone: boolean): Promise<void> {
    const [, name, version] = TOKEN.exec(token) ?? [];
    if (name === undefined || version === undefined) return;
    await this.#call<unknown>((abortSignal) =>
      gone
        ? this.#client.beginDeleteSecret(name, { abortSignal })
        : this.#client.updateSecretProperties(name, version, { enabled: false, abortSignal }),
    ).catch(() => undefined);
  }

  keyOf(): string {
    return "";
  }

  sealingKey(): string {
    return "";
  }

  async check(tokens: readonly string[]): Promise<readonly string[]> {
    const versions = new Map(tokens.flatMap((token) => (TOKEN.test(token) ? [partsOf(token)] : [])));
    try {
      return await faultsIn(this.#client, await this.#store.storeId(), versions, this.#timeout);
    } catch (error) {
      throw failure(error, this.#client.vaultUrl);
    }
  }

  async close(): Promise<void> {
    this.#open = false;
  }

  async #tags({ kind, type, name }: Sealed): Promise<Record<string, string>> {
    const tags = { [STORE_TAG]: await this.#store.storeId(), store: this.#store.url, kind, type, name };
    return Object.fromEntries(Object.entries(tags).map(([tag, value]) => [tag, value.slice(0, MAX_TAG)]));
  }

  /** Writes a version. A name that was deleted is recovered first, so that its versions stay together. @returns the version. */
  async #write(name: string, value: string, tags: Record<string, string>): Promise<string> {
    const expires = this.#expiresAfterDays === undefined ? {} : { expiresOn: new Date(Date.now() + this.#expiresAfterDays * DAY_MS) };
    const options = { contentType: CONTENT_TYPE, tags, ...expires };
    for (let tries = 0; ; tries++) {
      try {
        const { properties } = await this.#call((abortSignal) => this.#client.setSecret(name, value, { ...options, abortSignal }));
        return properties.version ?? "";
      } catch (error) {
        const settling = SETTLING_MS[tries];
        if (statusOf(error) !== 409 || settling === undefined) throw failure(error, this.#client.vaultUrl);
        if (azureCode(error) === "ObjectIsDeletedButRecoverable") await this.#recover(name);
        else await wait(settling); // it is being recovered, deleted or purged just now
      }
    }
  }

  async #recover(name: string): Promise<void> {
    await this.#call((abortSignal) => this.#client.beginRecoverDeletedSecret(name, { abortSignal })).catch((error) => {
      if (statusOf(error) !== 404 && statusOf(error) !== 409) throw failure(error, this.#client.vaultUrl); // else someone else was faster
    });
  }

  /**
   * Calls the vault. The first call of all goes alone: the client asks without a token to be told which it needs, and when others come in between it
   * sends the first one again without what it was to write (@azure/keyvault-common 2).
   */
  async #call<T>(work: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    if (!this.#open) throw new AshlarError("ERR_UNREACHABLE", `${this.#client.vaultUrl} was closed.`);
    const run = () => this.#limited(() => work(AbortSignal.timeout(this.#timeout)));
    if (this.#first) {
      await this.#first;
      return run();
    }
    const first = run();
    this.#first = first.catch(() => undefined);
    return first;
  }
}

function failure(error: unknown, where: string): AshlarError {
  const admission =
    'the role "Key Vault Secrets Officer" lets you write and "Key Vault Secrets User" read, after "az login" or with a managed identity; a firewall of the vault may stand before it';
  return azureFailure(error, { where, admission });
}

/** The error for a version that the vault does not give. */
function notOpened(error: unknown, name: string, where: string): AshlarError {
  const code = azureCode(error);
  if (code === "SecretNotFound")
    return new AshlarError(
      "ERR_CANNOT_OPEN",
      `The secret ${name}, or this version of it, is not in ${where}: if it was deleted there, recover it.`,
    );
  if (code === "SecretDisabled")
    return new AshlarError(
      "ERR_CANNOT_OPEN",
      `This version of the secret ${name} in ${where} is disabled: enable it there, or save the document anew.`,
    );
  return failure(error, where);
}

/** Names do not tell upper from lower case, and neither do UUIDs. */
function secretName({ id }: Sealed): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return `ashlar-${id}`;
  throw new TypeError("Azure Key Vault keeps secrets by the id of their record, which is a UUID in lower case.");
}

/** Name and version in a token. */
function partsOf(token: string): [string, string] {
  const [, name, version] = TOKEN.exec(token) ?? [];
  if (name !== undefined && version !== undefined) return [name, version];
  if (/^azure\d+\./.test(token) && !token.startsWith("azure1."))
    throw new AshlarError("ERR_UNSUPPORTED", "This record was sealed by a newer version of Ashlar.");
  if (/^ashlar\d+\./.test(token))
    throw new AshlarError("ERR_CANNOT_OPEN", "It was sealed by a keyring, and not by Azure Key Vault: open the store without ?vault=.");
  throw cannotOpen();
}

function secretsIn(value: string, binding: Uint8Array): Secrets {
  try {
    const { binding: bound, secrets } = parseJson(value) as { binding: unknown; secrets: Secrets };
    const [given, own] = [Buffer.from(String(bound), "base64url"), Buffer.from(binding)];
    if (given.length !== own.length || !timingSafeEqual(given, own)) throw cannotOpen();
    if (typeof secrets !== "object" || secrets === null || Array.isArray(secrets)) throw cannotOpen();
    checkDepth(secrets, "A secret", MAX_JSON_DEPTH + 1); // each may have that many levels
    return secrets;
  } catch {
    throw cannotOpen(); // one answer for every way in which it can be damaged, and no cause: it could quote the text
  }
}

function cannotOpen(): AshlarError {
  return new AshlarError(
    "ERR_CANNOT_OPEN",
    "The record, or its secret in Azure Key Vault, was changed, moved or damaged since it was sealed.",
  );
}
