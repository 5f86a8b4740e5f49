/**
 * The error for a document that is not there, with what was near, so that a misspelt name is seen at once. Touches the backend's contract.
 * @module
 */
import type { Backend } from "../backends/backend.ts";
import { AshlarError, nearest } from "../errors.ts";
import type { DocumentKey } from "./store.ts";

/** Looks around for what was meant. @returns the error, to be thrown. */
export async function notFound(backend: Backend, key: DocumentKey): Promise<AshlarError> {
  const store = backend.url;
  if ("id" in key) return new AshlarError("ERR_NOT_FOUND", `There is no document with the id ${key.id} in ${store}.`, { store });
  const { type, name } = key;
  const hint = await hintFor(backend, type, name);
  return new AshlarError("ERR_NOT_FOUND", `There is no document ${type}/${name} in ${store}. ${hint}`, { type, name, store });
}

async function hintFor(backend: Backend, type: string, name: string): Promise<string> {
  const ofType = (await backend.names({ kind: "document", type, limit: 1000 })).map((place) => place.name);
  const near = nearest(name, ofType);
  if (near !== undefined) return `Did you mean "${near}"?`;
  if (ofType.length > 0) return `It has ${ofType.length} of that type: "ashlar ls ${type}" lists them.`;
  const namesakes = (await backend.names({ kind: "document", limit: 1000 })).filter((place) => place.name === name);
  if (namesakes.length > 0) return `It has ${namesakes.map((place) => `${place.type}/${name}`).join(", ")}, of another type.`;
  const types = (await backend.names({ kind: "type", limit: 1000 })).map((place) => place.name);
  if (types.includes(type)) return `It has no document of type ${type}.`;
  const nearType = nearest(type, types);
  return `It knows no block type ${type}${nearType === undefined ? ": register its class first." : `; did you mean ${nearType}?`}`;
}
