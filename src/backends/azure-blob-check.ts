/**
 * Looks for what is wrong with a container that single records do not show. Touches azure-blob-container.ts and azure-blob-swap.ts; changes nothing.
 * @module
 */
import type { BlobFolder } from "./azure-blob-container.ts";
import { decoded, idName, idOf, placeIn } from "./azure-blob-record.ts";
import { isOvertaken, type RecordBlobs } from "./azure-blob-swap.ts";

/** An id that leads nowhere may belong to a record that is being made. */
const LEFT_OVER_MS = 3_600_000;

/** See `check` of the contract: ids and records that do not lead to each other, and whether it can be written. */
export async function faultsIn(folder: BlobFolder, blobs: RecordBlobs): Promise<readonly string[]> {
  const wrong: string[] = [];
  const ids = new Map<string, { at: string | undefined; written: Date }>();
  for await (const { name, metadata, properties } of folder.list("ids/", { metadata: true }))
    ids.set(idOf(name), { at: metadata?.place, written: properties.lastModified });
  for await (const { name, metadata } of folder.list("records/", { metadata: true })) {
    const at = placeIn(name);
    const id = metadata?.id === undefined ? (await blobs.read(at))?.record.id : decoded(metadata.id);
    const listed = id !== undefined && ids.get(id)?.at === at;
    if (listed) ids.delete(id);
    else if (id !== undefined && (await folder.metadata(idName(id)))?.place !== at)
      wrong.push(
        `The blob ${name} cannot be found by the id of its record: it was copied here, or ${idName(id)} is gone. Delete the document and save it again.`,
      );
  }
  for (const [id, { at, written }] of ids) {
    const leftOver = Date.now() - written.getTime() > LEFT_OVER_MS && !(await blobs.readAs(id, at));
    if (leftOver && (await folder.metadata(idName(id))))
      wrong.push(`The blob ${idName(id)} leads nowhere: a write was interrupted. It does no harm, and can be deleted.`);
  }
  // May write, and does not: nothing has that ETag.
  const refused = await folder.write("probe", "", {}, { ifMatch: '"0"' }).catch((error) => (isOvertaken(error) ? "" : error));
  if (refused !== "") wrong.push(folder.failure(refused).message);
  return wrong;
}
