/**
 * The access tokens of a sealed store. Touches sealing.ts, the backend's contract and access-token.ts.
 *
 * A token is a record like any other; all that it says lies in the sealed half. So who holds the storage can neither read what a token may do nor
 * widen it. The record's name is a digest of the token's text: a token is found by one read, and one that does not exist is looked for in the same way.
 * @module
 */
import {
  type AccessToken,
  checkGrant,
  isInForce,
  isTokenOf,
  isTokenText,
  newTokenText,
  type TokenGrant,
  tokenHash,
  tokenPlace,
  unknownToken,
} from "../access-token.ts";
import type { StoredRecord } from "../backends/backend.ts";
import { AshlarError, isAshlarError } from "../errors.ts";
import type { Json } from "../json.ts";
import { Secret } from "../secret.ts";
import type { Secrets } from "../vaults/vault.ts";
import type { AccessTokens } from "./access-tokens.ts";
import { named } from "./record.ts";
import type { Sealing } from "./sealing.ts";
import { SinceStamp } from "./since-stamp.ts";

const KIND = "token";
/** Type of the records, for backends that lay them out by type. */
const TYPE = "token";
/** Where in the sealed half a token lies. */
const AT = "/token";
/** How many opened records are remembered. */
const MOST_REMEMBERED = 1000;
/** How often a revocation is tried again when someone else writes the record at the same time. */
const TRIES = 20;

/** What lies in the sealed half. */
interface Sealed extends Omit<AccessToken, "id"> {
  readonly hash: string;
}

/** A record and what it says. */
interface Opened {
  readonly record: StoredRecord;
  readonly sealed: Sealed;
}

/** A token that was read, and the hash of its text. */
interface Known {
  readonly token: AccessToken;
  readonly hash: string;
}

/** The access tokens of a store. */
export function sealedTokens(sealing: Sealing): AccessTokens {
  return new SealedTokens(sealing);
}

class SealedTokens implements AccessTokens {
  readonly #sealing: Sealing;
  /** What records said when they were opened. */
  readonly #remembered = new Map<string, Sealed>();
  /** Tokens by their place. */
  readonly #read = new SinceStamp<Known>(MOST_REMEMBERED);

  constructor(sealing: Sealing) {
    this.#sealing = sealing;
  }

  async create(grant: TokenGrant): Promise<{ readonly token: AccessToken; readonly text: Secret<string> }> {
    checkGrant(grant);
    const { name, roles, types, names, expires } = grant;
    const namesakes = (await this.#all()).filter(({ sealed }) => sealed.name === name);
    if (namesakes.some(({ sealed }) => isInForce(sealed)))
      throw new AshlarError("ERR_EXISTS", `There is an access token ${name} already. Revoke it first, or choose another name.`);
    const text = newTokenText();
    const sealed = { name, roles, types, names, expires, created: new Date().toISOString(), revoked: null, hash: tokenHash(text) };
    for (const each of namesakes) await this.#forget(each.record);
    const record = await this.#seal(tokenPlace(text), sealed, null);
    await this.#sealing.backend.put(record, null);
    return { token: tokenOf(record, sealed), text: new Secret(text) };
  }

  async list(): Promise<readonly AccessToken[]> {
    const tokens = (await this.#all()).map(({ record, sealed }) => tokenOf(record, sealed));
    return tokens.sort((a, b) => (a.name === b.name ? (a.created < b.created ? -1 : 1) : a.name < b.name ? -1 : 1));
  }

  async revoke(name: string): Promise<AccessToken> {
    for (let attempt = 1; ; attempt++) {
      const all = await this.#all();
      const [first, ...others] = all.filter(({ sealed }) => sealed.name === name);
      if (!first)
        throw unknownToken(
          name,
          all.map(({ sealed }) => sealed.name),
        );
      try {
        for (const other of others) await this.#revoke(other); // made by two at the same time
        return await this.#revoke(first);
      } catch (error) {
        if (!isAshlarError(error, "ERR_CONFLICT") || attempt === TRIES) throw error;
      }
    }
  }

  async verify(text: string, since?: string): Promise<AccessToken | null> {
    if (!isTokenText(text)) return null;
    const found = await this.#find(tokenPlace(text), since);
    return found && isTokenOf(found.hash, text) && isInForce(found.token) ? found.token : null;
  }

  async #find(place: string, since?: string): Promise<Known | null> {
    const { backend } = this.#sealing;
    const stamp = since ?? (await backend.stamp?.());
    const before = stamp === undefined ? undefined : this.#read.get(stamp, place);
    if (before) return before;
    const record = await backend.get({ kind: KIND, type: TYPE, name: place });
    if (!record) return null;
    const sealed = this.#remembered.get(memoryOf(record)) ?? (await this.#open(record));
    const known = { token: tokenOf(record, sealed), hash: sealed.hash };
    if (stamp !== undefined) this.#read.set(stamp, place, known);
    return known;
  }

  async #revoke({ record, sealed }: Opened): Promise<AccessToken> {
    if (sealed.revoked !== null) return tokenOf(record, sealed);
    const ended = { ...sealed, revoked: new Date().toISOString() };
    const next = await this.#seal(record.name, ended, record);
    await this.#sealing.backend.put(next, record.revision);
    await this.#sealing.vault.discard(record.sealed, false);
    return tokenOf(next, ended);
  }

  async #forget(record: StoredRecord): Promise<void> {
    try {
      await this.#sealing.remove([record]);
    } catch (error) {
      if (!isAshlarError(error, "ERR_CONFLICT")) throw error; // someone else did it
    }
  }

  #seal(place: string, sealed: Sealed, existing: StoredRecord | null): Promise<StoredRecord> {
    const secrets = { [AT]: { changed: new Date().toISOString() } };
    const parts = { kind: KIND, type: TYPE, name: place, schema: "", data: {}, references: {}, secrets } as const;
    return this.#sealing.seal(parts, { [AT]: sealed as unknown as Json }, existing);
  }

  /** All that can be opened. @throws AshlarError when that fails for want of a key. */
  async #all(): Promise<Opened[]> {
    const found: Opened[] = [];
    for (const record of await this.#sealing.all(KIND, TYPE)) {
      try {
        found.push({ record, sealed: await this.#open(record) });
      } catch (error) {
        if (!isAshlarError(error, "ERR_CANNOT_OPEN") && !isAshlarError(error, "ERR_EDITED")) throw error;
      }
    }
    return found;
  }

  async #open(record: StoredRecord): Promise<Sealed> {
    const secrets: Secrets = await this.#sealing.open(record);
    const sealed = secrets[AT] as unknown as Sealed | undefined;
    if (sealed === undefined) throw named(record, new AshlarError("ERR_CANNOT_OPEN", "It is no access token."));
    if (this.#remembered.size >= MOST_REMEMBERED) this.#remembered.clear();
    this.#remembered.set(memoryOf(record), sealed);
    return sealed;
  }
}

/** By what an opened record is known again: whoever changes it, and rightly, gives it another seal and revision. */
function memoryOf({ id, name, revision, sealed }: StoredRecord): string {
  return `${id} ${name} ${revision} ${sealed}`;
}

function tokenOf({ id }: StoredRecord, { name, roles, types, names, created, expires, revoked }: Sealed): AccessToken {
  return { id, name, roles, types, names, created, expires, revoked };
}
