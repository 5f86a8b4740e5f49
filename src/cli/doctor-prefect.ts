/**
 * `ashlar doctor` for a Prefect server or a workspace of Prefect Cloud: where it is, which version, who is logged in, what cannot be read. It changes
 * nothing. Touches the client of ../prefect.
 * @module
 */
import { isAshlarError } from "../errors.ts";
import { openClient, otherMajor, type PrefectClient, serverVersion } from "../prefect/client.ts";
import { activeProfile } from "../prefect/profile.ts";
import { findSettings, type PrefectSettings } from "../prefect/settings.ts";
import { workspaces } from "../prefect/workspaces.ts";
import type { Finding } from "../stores/store.ts";
import { asFinding, type Check, caught, check, finding, isOpen, statOf } from "./checks.ts";
import type { Session } from "./session.ts";

/** Looks at settings, server, login and documents, each as far as the one before allows. */
export async function examinePrefect(session: Session): Promise<Check[]> {
  const settings = await caught(() => findSettings(session.url));
  if (isAshlarError(settings)) return [check("store", session.url, [asFinding(settings)])];
  const client = await caught(() => openClient(settings));
  if (isAshlarError(client)) return [check("store", settings.apiUrl, [asFinding(client)])];
  try {
    const { detail, findings, usable } = await greeted(client);
    const login = await loginCheck(settings);
    const records: Check = usable
      ? await recordsCheck(session)
      : { name: "records", state: "skipped", detail: "the server cannot be used", findings: [] };
    return [check("store", `${settings.apiUrl}${detail}`, [...findings, ...connectionFindings(settings)]), login, records];
  } finally {
    client.close();
  }
}

/** The server's version; Cloud has none to tell. */
async function greeted(client: PrefectClient): Promise<{ detail: string; findings: Finding[]; usable: boolean }> {
  const { settings } = client;
  if (settings.isCloud) return { detail: ", Prefect Cloud", findings: [], usable: true };
  const version = await caught(() => serverVersion(client));
  if (isAshlarError(version)) return { detail: "", findings: [asFinding(version)], usable: false };
  const other = otherMajor(settings, version);
  return { detail: `, Prefect ${version}`, findings: other ? [asFinding(other)] : [], usable: true };
}

function connectionFindings({ apiUrl, verifyTls, origins }: PrefectSettings): Finding[] {
  if (!apiUrl.startsWith("https:") || verifyTls) return [];
  const setting = "PREFECT_API_TLS_INSECURE_SKIP_VERIFY";
  return [
    finding(
      `${setting} of the ${origins.get(setting)} is on: anybody on the way can read secrets. Name a certificate in PREFECT_API_SSL_CERT_FILE instead.`,
    ),
  ];
}

async function loginCheck(settings: PrefectSettings): Promise<Check> {
  const { login, unusedLogin, isCloud } = settings;
  const unused = unusedLogin === undefined ? [] : [finding(`Note that ${unusedLogin}.`)];
  const rights = await profileFindings(settings);
  if (login === undefined && !isCloud) return check("login", "none is set", [...unused, ...rights]);
  if (!isCloud) return check("login", `${login}`, rights);
  const found = await caught(() => workspaces(settings));
  if (isAshlarError(found)) return check("login", login ?? "none is set", [asFinding(found), ...unused, ...rights]);
  const own = found.find(({ id }) => settings.apiUrl.endsWith(`/workspaces/${id}`));
  if (own) return check("login", `${login}; workspace ${own.handle}`, rights);
  const others = found.map(({ handle }) => handle).join(", ") || "none";
  return check("login", login ?? "", [
    finding(`The key may not use this workspace; it may use ${others}. "prefect cloud workspace set" changes the address.`),
    ...rights,
  ]);
}

/** Whether others may read the key that lies in a profile. */
async function profileFindings({ origins }: PrefectSettings): Promise<Finding[]> {
  const keyed = ["PREFECT_API_KEY", "PREFECT_API_AUTH_STRING"].some((name) => origins.get(name)?.startsWith("profile"));
  const { path } = await activeProfile(process.env);
  return keyed && isOpen(statOf(path), 0o077) ? [finding(`Others may read ${path}, which holds a key: chmod go= it.`)] : [];
}

async function recordsCheck(session: Session): Promise<Check> {
  const counted = await caught(async () => {
    const store = await session.store();
    const [types, named, anonymous] = [await store.types(), await store.names(), await store.names({ anonymous: true })];
    return `${types.length} block types, ${named.length} documents and ${anonymous.length} without a name`;
  });
  if (!isAshlarError(counted)) return check("records", counted, []);
  const hint = /\(500\)/.test(counted.message)
    ? " A document that the server cannot decrypt does that, as when PREFECT_SERVER_ENCRYPTION_KEY was changed."
    : "";
  return check("records", "cannot be listed", [finding(`${counted.message}${hint}`)]);
}
