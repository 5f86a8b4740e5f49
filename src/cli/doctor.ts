/**
 * `ashlar doctor`: what is wrong with Node, the store, its keys and its records, and how to mend it. It changes nothing.
 *
 * JSON: `{"ok","checks":[{"name","state","detail","findings":[{"where","message"}]}]}`; `name` is `node`, `store`, `keys` (of a Prefect
 * server `login`) or `records`. `state` is `ok`, `problem` or `skipped`, `where` a `slug/name` or empty.
 * @module
 */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { sqlitePath } from "../backends/sqlite-file.ts";
import { type AshlarError, isAshlarError } from "../errors.ts";
import { isPrefectUrl } from "../prefect/url.ts";
import { splitVault } from "../stores/open.ts";
import type { Finding, Maintenance } from "../stores/store.ts";
import { keyFilePath } from "../user-folders.ts";
import { lockPath } from "../vaults/key-file.ts";
import { asFinding, type Check, caught, check, finding, isOpen, statOf } from "./checks.ts";
import { EXIT } from "./failure.ts";
import { findKeys, isBehindServer, maintenance } from "./keys.ts";
import { paint, plain, print } from "./output.ts";
import type { Session } from "./session.ts";

/** More findings of one check are only counted, unless as JSON. */
const SHOWN = 20;

/** Looks at everything, and says one line for each check and one for each finding. */
export async function doctor(session: Session): Promise<void> {
  const checks = await examine(session);
  const ok = checks.every(({ state }) => state !== "problem");
  print(session, { ok, checks }, () => checks.flatMap(report));
  if (!ok) process.exitCode = EXIT.unwell;
}

async function examine(session: Session): Promise<Check[]> {
  const node: Check = { name: "node", state: "ok", detail: `${process.version} on ${process.platform}`, findings: [] };
  if (session.url.startsWith("memory:")) {
    const detail = "a store of memory has no file, no keys and nothing to mend";
    return [node, { name: "store", state: "skipped", detail, findings: [] }];
  }
  if (isPrefectUrl(session.url)) return [node, ...(await (await import("./doctor-prefect.ts")).examinePrefect(session))];
  if (isBehindServer(session.url)) return [node, ...(await (await import("./doctor-server.ts")).examineServer(session))];
  const opened = await caught(() => maintenance(session));
  const used = isAshlarError(opened) ? opened : await caught(() => opened.keysInUse());
  const counts = isAshlarError(used) ? undefined : used;
  const { place, vault } = splitVault(session.url);
  const keys = vault === undefined ? await caught(() => findKeys(session, [...(counts?.keys() ?? [])])) : vault;
  const found = isAshlarError(opened) ? [] : await inspect(opened, !isAshlarError(keys));
  const ofStore = found.filter(({ where }) => where === "");
  const isFile = place.startsWith("sqlite:") && !isAshlarError(opened, "ERR_INVALID");
  const files = isFile ? fileFindings(sqlitePath(place)) : [];
  return [
    node,
    check("store", (await session.store().catch(() => undefined))?.url ?? session.place, [
      ...(isAshlarError(used) ? [asFinding(used)] : []),
      ...ofStore,
      ...files,
    ]),
    typeof keys === "string"
      ? { name: "keys", state: "skipped", detail: `the secrets are kept by ${keys}, which has keys of its own`, findings: [] }
      : keysCheck(keys, counts),
    counts === undefined
      ? { name: "records", state: "skipped", detail: "the store cannot be read", findings: [] }
      : recordsCheck(
          counts,
          found.filter(({ where }) => where !== ""),
          keys,
        ),
  ];
}

async function inspect(store: Maintenance, open: boolean): Promise<readonly Finding[]> {
  const found = await caught(() => store.check({ open }));
  return isAshlarError(found) ? [asFinding(found)] : found;
}

function keysCheck(keys: Awaited<ReturnType<typeof findKeys>> | AshlarError, used: ReadonlyMap<string, number> | undefined): Check {
  const files = process.env.ASHLAR_KEYS ? [] : keyFileFindings(keyFilePath());
  if (isAshlarError(keys)) return check("keys", "none can be used", [asFinding(keys), ...files]);
  const { ring } = keys;
  const missing = [...(used ?? [])].filter(([id]) => !ring.get(id));
  const detail = `${ring.source}; ${ring.primary.id} seals${ring.ids.length > 1 ? `, ${ring.ids.length} in all` : ""}`;
  return check("keys", detail, [
    ...missing.map(([id, records]) => ({
      where: "",
      message: `${records} ${records === 1 ? "record is" : "records are"} sealed with key ${id}, which ${ring.source} does not hold: bring that key back, or these records cannot be read.`,
    })),
    ...files,
  ]);
}

function recordsCheck(used: ReadonlyMap<string, number>, findings: readonly Finding[], keys: unknown): Check {
  if (typeof keys === "string") return check("records", "each was opened and looked up", findings);
  const total = [...used.values()].reduce((sum, each) => sum + each, 0);
  const what = `${total} ${total === 1 ? "record" : "records"}`;
  return check("records", isAshlarError(keys) ? `${what}; without a key none was opened` : what, findings);
}

/** What the rights and the place of a SQLite file give away. */
function fileFindings(path: string): Finding[] {
  const folder = dirname(path);
  const state = statOf(path);
  if (!state) return [];
  const network = networkFileSystem(statfsSync(path).type);
  return [
    ...(isOpen(state, 0o007) ? [finding(`Others may read or write ${path}: chmod o= it.`)] : []),
    ...folderFindings(folder),
    ...(network === undefined
      ? []
      : [
          finding(
            `${path} lies on a network file system (${network}), where SQLite's locks do not hold: move it to a disk of this machine.`,
          ),
        ]),
  ];
}

function keyFileFindings(path: string): Finding[] {
  return [
    ...folderFindings(dirname(path)),
    ...(statOf(lockPath(path))
      ? [finding(`${lockPath(path)} is left of a change that was stopped: delete it, unless one is being made now.`)]
      : []),
  ];
}

/** Who may write in a folder may put another file in the place of ours; in one with the sticky bit only the owner may. */
function folderFindings(folder: string): Finding[] {
  const state = statOf(folder);
  if (!isOpen(state, 0o002) || (state && (state.mode & 0o1000) !== 0)) return [];
  return [finding(`Others may write in the folder ${folder}, and so replace what lies there: chmod o-w it.`)];
}

/** The name of a network file system by Linux's magic number of it (statfs(2)); undefined for all others. */
export function networkFileSystem(type: number): string | undefined {
  const names: Readonly<Record<number, string>> = { 26985: "NFS", 20859: "SMB", 4283649346: "CIFS", 4266872130: "SMB" };
  return process.platform === "linux" ? names[type >>> 0] : undefined;
}

function report({ name, state, detail, findings }: Check): string[] {
  const colour = state === "ok" ? "green" : state === "problem" ? "red" : "yellow";
  const more = findings.length - SHOWN;
  return [
    `${paint(colour, state.padEnd(7))}  ${name.padEnd(7)}  ${plain(detail)}`,
    ...findings.slice(0, SHOWN).map(({ where, message }) => `         - ${where === "" ? "" : `${plain(where)}: `}${plain(message)}`),
    ...(more > 0 ? [`         - and ${more} more; --json shows all`] : []),
  ];
}
