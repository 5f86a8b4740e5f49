/**
 * The secrets of a {@link KeyVaultDouble}: their versions, their limits, deleting and what can be done after it.
 *
 * https://learn.microsoft.com/azure/key-vault/secrets/about-secrets, https://learn.microsoft.com/rest/api/keyvault/secrets; what only reports tell has
 * its number. Names do not tell upper from lower case. Not-before and expiry are only kept: the service hands out such a secret, too.
 * @module
 */
import { randomBytes } from "node:crypto";

/** What is answered. */
export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Attributes {
  enabled: boolean;
  created: number;
  updated: number;
  exp?: number;
  nbf?: number;
}

interface Version {
  readonly version: string;
  readonly value: string;
  contentType: string | undefined;
  tags: Record<string, string> | undefined;
  readonly attributes: Attributes;
}

interface Kept {
  readonly name: string;
  /** The oldest first. */
  readonly versions: Version[];
  deleted: { readonly on: number; readonly purge: number } | undefined;
  /** Until when it can be neither set nor restored. */
  busy: number;
}

/** What a client sends. */
interface Given {
  readonly value?: unknown;
  readonly contentType?: string;
  readonly tags?: Record<string, string>;
  readonly attributes?: { readonly enabled?: boolean; readonly exp?: number; readonly nbf?: number };
}

const PAGE = 25;
const DAYS = 90;

/** An error as the service words it. */
export function refusal(status: number, code: string, message: string, inner?: string): Answer {
  return { status, body: { error: { code, message, ...(inner !== undefined && { innererror: { code: inner } }) } } };
}

function bad(message: string): Answer {
  return refusal(400, "BadParameter", message);
}

const now = () => Math.floor(Date.now() / 1000);

/** All secrets of a vault. */
export class KeptSecrets {
  readonly #kept = new Map<string, Kept>();
  readonly #recoveryLevel: string;
  readonly #settling: number;

  constructor(purgeProtection: boolean, settling: number) {
    this.#recoveryLevel = purgeProtection ? "Recoverable" : "Recoverable+Purgeable";
    this.#settling = settling;
  }

  get values(): string[] {
    return [...this.#kept.values()].flatMap(({ versions }) => versions.map(({ value }) => value));
  }

  answer(method: string, path: string, query: URLSearchParams, given: Given | undefined, url: string): Answer {
    const [, folder, name, action, ...more] = path.split("/").map(decodeURIComponent);
    if (more.length > 0) return refusal(404, "NotFound", "There is no such resource.");
    if (name === undefined || name === "") {
      if (method === "GET" && folder === "secrets")
        return this.#list(
          url,
          path,
          query,
          this.#live().map((kept) => this.#shown(url, kept, kept.versions.at(-1), "item")),
        );
      if (method === "GET" && folder === "deletedsecrets")
        return this.#list(
          url,
          path,
          query,
          this.#gone().map((kept) => this.#shownDeleted(url, kept, "item")),
        );
      return refusal(405, "MethodNotAllowed", "This cannot be done here.");
    }
    if (folder === "secrets" && method === "POST" && name === "restore") return this.#restore(url, given);
    if (!/^[0-9a-zA-Z-]{1,127}$/.test(name)) return bad(`The request URI contains an invalid name: ${name}`);
    const kept = this.#kept.get(name.toLowerCase());
    if (folder === "deletedsecrets") return this.#afterDeleting(url, method, name, action, kept?.deleted && kept);
    if (folder !== "secrets") return refusal(404, "NotFound", "There is no such resource.");
    if (method === "PUT" && action === undefined) return this.#set(url, name, given, kept);
    const live = kept && !kept.deleted ? kept : undefined;
    if (!live) return absent(name);
    if (method === "DELETE" && action === undefined) return this.#delete(url, live);
    if (method === "GET" && action === "versions")
      return this.#list(
        url,
        path,
        query,
        inAnyOrder(live.versions).map((each) => this.#shown(url, live, each, "version")),
      );
    if (method === "POST" && action === "backup")
      return { status: 200, body: { value: Buffer.from(JSON.stringify(live)).toString("base64url") } };
    const version = action === undefined || action === "" ? live.versions.at(-1) : live.versions.find((each) => each.version === action);
    if (!version) return absent(`${name}/${action}`);
    if (method === "PATCH") return this.#update(url, live, version, given ?? {});
    if (method !== "GET") return refusal(405, "MethodNotAllowed", "This cannot be done here.");
    // azure-sdk-for-js #24756
    if (!version.attributes.enabled)
      return refusal(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled");
    return { status: 200, body: this.#shown(url, live, version, "whole") };
  }

  #set(url: string, name: string, given: Given | undefined, kept: Kept | undefined): Answer {
    const wrong = given === undefined ? "The request body is missing." : faultIn(given);
    if (wrong !== undefined) return bad(wrong);
    // external-secrets #3519
    if (kept?.deleted)
      return refusal(
        409,
        "Conflict",
        `Secret ${name} is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the secret can only be recovered or purged.`,
        "ObjectIsDeletedButRecoverable",
      );
    // azure-sdk-for-net #31581, #26027
    if (kept && kept.busy > Date.now()) return busy(name);
    const into = kept ?? { name, versions: [], deleted: undefined, busy: 0 };
    const { value, contentType, tags, attributes } = given as Given & { value: string };
    const times = { created: now(), updated: now() };
    const version: Version = {
      version: randomBytes(16).toString("hex"),
      value,
      contentType,
      tags,
      attributes: { enabled: true, ...times, ...attributes },
    };
    into.versions.push(version);
    this.#kept.set(name.toLowerCase(), into);
    return { status: 200, body: this.#shown(url, into, version, "whole") };
  }

  #update(url: string, kept: Kept, version: Version, given: Given): Answer {
    const wrong = given.value === undefined ? faultIn({ ...given, value: "" }) : "A value cannot be updated.";
    if (wrong !== undefined) return bad(wrong);
    if (given.contentType !== undefined) version.contentType = given.contentType;
    if (given.tags !== undefined) version.tags = given.tags;
    Object.assign(version.attributes, given.attributes, { updated: now() });
    return { status: 200, body: this.#shown(url, kept, version, "version") };
  }

  #delete(url: string, kept: Kept): Answer {
    kept.deleted = { on: now(), purge: now() + DAYS * 86_400 };
    return { status: 200, body: this.#shownDeleted(url, kept, "version") };
  }

  #afterDeleting(url: string, method: string, name: string, action: string | undefined, kept: Kept | undefined): Answer {
    if (!kept) return absent(name);
    if (method === "GET" && action === undefined) return { status: 200, body: this.#shownDeleted(url, kept, "version") };
    if (method === "POST" && action === "recover") {
      kept.deleted = undefined;
      kept.busy = Date.now() + this.#settling;
      return { status: 200, body: this.#shown(url, kept, kept.versions.at(-1), "version") };
    }
    if (method !== "DELETE" || action !== undefined) return refusal(405, "MethodNotAllowed", "This cannot be done here.");
    if (!this.#recoveryLevel.includes("Purgeable"))
      return refusal(403, "Forbidden", 'Operation "purge" is not enabled for this vault.', "ForbiddenByPolicy");
    this.#kept.delete(name.toLowerCase());
    if (this.#settling > 0)
      this.#kept.set(name.toLowerCase(), { name, versions: [], deleted: undefined, busy: Date.now() + this.#settling });
    return { status: 204 };
  }

  #restore(url: string, given: Given | undefined): Answer {
    let backup: Kept;
    try {
      backup = JSON.parse(Buffer.from(String(given?.value), "base64url").toString());
    } catch {
      return bad("The backup is none of this vault's.");
    }
    const there = this.#kept.get(backup.name.toLowerCase());
    if (there && there.busy > Date.now()) return busy(backup.name);
    if (there && there.versions.length > 0) return refusal(409, "Conflict", `Secret ${backup.name} exists already.`);
    this.#kept.set(backup.name.toLowerCase(), backup);
    return { status: 200, body: this.#shown(url, backup, backup.versions.at(-1), "version") };
  }

  #live(): Kept[] {
    return [...this.#kept.values()].filter(({ deleted, versions }) => !deleted && versions.length > 0);
  }

  #gone(): Kept[] {
    return [...this.#kept.values()].filter(({ deleted }) => deleted);
  }

  #list(url: string, path: string, query: URLSearchParams, all: readonly object[]): Answer {
    const size = Number(query.get("maxresults") ?? PAGE);
    if (!(size >= 1 && size <= PAGE)) return bad(`maxresults is from 1 to ${PAGE}.`);
    const start = Number(query.get("$skiptoken") ?? 0);
    const next = new URLSearchParams({
      "api-version": query.get("api-version") ?? "",
      $skiptoken: String(start + size),
      maxresults: String(size),
    });
    return {
      status: 200,
      body: { value: all.slice(start, start + size), nextLink: start + size < all.length ? `${url}${path}?${next}` : null },
    };
  }

  #shown(url: string, { name }: Kept, version: Version | undefined, form: Form): object {
    if (!version) throw new Error("a secret without versions");
    const { contentType, tags, value } = version;
    const attributes = { ...version.attributes, recoveryLevel: this.#recoveryLevel, recoverableDays: DAYS };
    const id = `${url}/secrets/${name}${form === "item" ? "" : `/${version.version}`}`;
    return { id, attributes, ...(contentType !== undefined && { contentType }), ...(tags && { tags }), ...(form === "whole" && { value }) };
  }

  #shownDeleted(url: string, kept: Kept, form: Form): object {
    const { on: deletedDate, purge: scheduledPurgeDate } = kept.deleted ?? {};
    return {
      ...this.#shown(url, kept, kept.versions.at(-1), form),
      recoveryId: `${url}/deletedsecrets/${kept.name}`,
      deletedDate,
      scheduledPurgeDate,
    };
  }
}

/** How a secret is shown: in a list, by its name alone; as one version; with its value. */
type Form = "item" | "version" | "whole";

function absent(name: string): Answer {
  return refusal(404, "SecretNotFound", `A secret with (name/id) ${name} was not found in this key vault.`);
}

function busy(name: string): Answer {
  return refusal(409, "Conflict", `Secret ${name} is currently being recovered.`, "ObjectIsBeingRecovered");
}

function inAnyOrder(versions: readonly Version[]): Version[] {
  return versions.toSorted((a, b) => (a.version < b.version ? -1 : 1)); // versions are random
}

/** What is wrong with what a client sends; undefined when nothing is. */
function faultIn({ value, contentType = "", tags = {} }: Given): string | undefined {
  if (typeof value !== "string") return "Property value has invalid value.";
  if (Buffer.byteLength(value) > 25_600) return "The value exceeds 25600 bytes.";
  if (contentType.length > 255) return "The content type has more than 255 characters.";
  if (Object.keys(tags).length > 15) return "There are more than 15 tags.";
  if (
    Object.entries(tags)
      .flat()
      .some((text) => typeof text !== "string" || text.length > 256)
  )
    return "A tag has more than 256 characters.";
  return undefined;
}
