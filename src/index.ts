/**
 * The public names of `ashlar`, and nothing else.
 * @module
 */
export {
  Block,
  type BlockClass,
  type BlockInstance,
  type BlockOptions,
  type BlockStatics,
  type DeleteOptions,
  type DocumentId,
  type ExtendOptions,
  type InputOf,
  type LoadAllOptions,
  type RegisterOptions,
  type SaveOptions,
  type StoreOption,
  type ValuesOf,
} from "./block.ts";
export { currentStore, type OpenOptions, openStore, useStore, withStore } from "./current-store.ts";
export type { Check, Fields, Metadata } from "./define.ts";
export type { AnyBlock, AnyBlockClass, DocumentLink } from "./definition.ts";
export { AshlarError, type ErrorCode, type ErrorDetails, errorCodes, type Issue, isAshlarError } from "./errors.ts";
export {
  type BlockInput,
  type BlockSchema,
  type BytesEncoding,
  type BytesSchema,
  block,
  bytes,
  type SecretSchema,
  secret,
} from "./fields.ts";
export { float, type Json, type JsonObject } from "./json.ts";
export { Secret } from "./secret.ts";
export type { DocumentKey, MaskedDocument, Reference, Registered, Store } from "./stores/store.ts";
