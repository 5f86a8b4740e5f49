/**
 * A vault around another one, for records whose readable half people edit: it seals what that half was, so that an edit is told from damage and can
 * be shown. Touches the contract only.
 *
 * A token is `edit1.`, base64url of the binding that it was sealed with, `.` and the token of the other vault, which holds the record beside its
 * secrets, under the pointer of the whole document.
 * @module
 */
import { timingSafeEqual } from "node:crypto";
import { AshlarError } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Binding, Secrets, Vault } from "./vault.ts";

/** A record as it was when it was sealed. */
interface SealedAs {
  readonly secrets: Secrets;
  /** Its readable half, all of it. */
  readonly half: { readonly [part: string]: Json };
}

/** The contract, and the way back to what was sealed. */
export interface EditableVault extends Vault {
  /** What a record was when its token was made, whatever was done to it since. @throws AshlarError as `open` does when the token itself was changed. */
  sealedAs(token: string): Promise<SealedAs>;
}

const TOKEN = /^edit1\.([A-Za-z0-9_-]{43})\.(.+)$/s;
/** The JSON pointer of a whole document, where no secret stands. */
const WHOLE = "";

interface Opened {
  /** The binding that it was sealed with. */
  readonly digest: Buffer;
  readonly secrets: Secrets;
  /** As text: it may be as deep as a document, which a part of a secret may not. */
  readonly half: string;
}

/** Wraps a vault. */
export function editableVault(inner: Vault): EditableVault {
  const innerToken = (token: string) => TOKEN.exec(token)?.[2] ?? token;
  /** At once where the other vault answers at once. */
  const opened = <T>(token: string, use: (found: Opened) => T): T | Promise<T> => {
    const [, text, own] = TOKEN.exec(token) ?? [];
    if (text === undefined || own === undefined)
      throw new AshlarError("ERR_CANNOT_OPEN", "The record was not sealed by this kind of store.");
    const digest = Buffer.from(text, "base64url");
    const found = ({ [WHOLE]: half, ...secrets }: Secrets) => use({ digest, secrets, half: String(half) });
    const sealed = inner.open(own, () => digest);
    return sealed instanceof Promise ? sealed.then(found) : found(sealed);
  };
  return {
    async seal(secrets, binding, record) {
      const bound = binding();
      const { sealed: _sealed, ...half } = record as typeof record & { sealed?: string };
      const token = await inner.seal({ ...secrets, [WHOLE]: JSON.stringify(half) }, () => bound, record);
      return `edit1.${Buffer.from(bound).toString("base64url")}.${token}`;
    },
    open(token, binding: Binding) {
      return opened(token, ({ digest, secrets }) => {
        if (timingSafeEqual(digest, binding())) return secrets;
        throw new AshlarError("ERR_EDITED", "It was edited since it was sealed: ashlar reseal shows what was changed, and accepts it.");
      });
    },
    async sealedAs(token) {
      return opened(token, ({ secrets, half }) => ({ secrets, half: JSON.parse(half) as SealedAs["half"] }));
    },
    discard: (token, gone) => inner.discard(innerToken(token), gone),
    keyOf: (token) => inner.keyOf(innerToken(token)),
    sealingKey: () => inner.sealingKey(),
    ...(inner.check && { check: async (tokens) => inner.check?.(tokens.map(innerToken)) ?? [] }),
    ...(inner.derive && { derive: (purpose: string, key?: string) => (inner as Required<Vault>).derive(purpose, key) }),
    close: () => inner.close(),
  };
}
