/**
 * What credentials say of an Azure storage account: its name, where it is, how to get in. The credentials blocks make it, `AzureContainer` uses
 * it. Imports public names only; the Azure SDK when a client is made.
 *
 * No message made here quotes what it was given: all of it may hold a key.
 * @module
 */
import type { BlockBlobClient, ContainerClient, StoragePipelineOptions } from "@azure/storage-blob";
import { AshlarError, Secret } from "ashlar";
import { encodedPart, encodedPath } from "ashlar/blocks/object-path";
import { optionalPackage } from "ashlar/blocks/optional-package";

/** How a storage account lets its user in. */
export type AzureStorageAccess =
  | { readonly kind: "key"; readonly key: Secret<string> }
  | { readonly kind: "sas"; readonly sas: Secret<string> }
  | { readonly kind: "servicePrincipal"; readonly tenantId: string; readonly clientId: string; readonly clientSecret: Secret<string> }
  | { readonly kind: "default" }
  | { readonly kind: "anonymous" };

/** A storage account: where it is and how to get in. */
export interface AzureStorageAccount {
  /** Its name, `mtademo`; `null` behind a domain of one's own that does not tell. */
  readonly name: string | null;
  /** Where its blobs are, without a slash at the end: `https://mtademo.blob.core.windows.net`, or `http://127.0.0.1:10000/mtademo`. */
  readonly blobEndpoint: string;
  /** Domain of its cloud, `core.windows.net`: what Hadoop's host names end with where the endpoint does not tell. */
  readonly suffix: string;
  readonly access: AzureStorageAccess;
}

/** `abfss` and `wasbs` are for Spark and Hadoop, `https` and `http` for everything else. */
export type AzureProtocol = "abfss" | "wasbs" | "https" | "http";

/** What a credentials block has to offer to be used by `AzureContainer`. */
export interface AzureStorageCredentials {
  /** The account that the credentials are for. @throws AshlarError `ERR_INVALID` when they do not say enough, or contradict themselves. */
  storageAccount(): AzureStorageAccount;
}

const SERVICE = "Azure Blob Storage";
const PUBLIC_CLOUD = "core.windows.net";
const SIGN_IN = "https://login.microsoftonline.com";
/** Where service principals of the other clouds sign in. https://learn.microsoft.com/entra/identity-platform/authentication-national-cloud */
const SIGN_IN_ELSEWHERE: Readonly<Record<string, string>> = {
  ".chinacloudapi.cn": "https://login.chinacloudapi.cn",
  ".usgovcloudapi.net": "https://login.microsoftonline.us",
};
/** What `UseDevelopmentStorage=true` stands for, a published account: https://learn.microsoft.com/azure/storage/common/storage-use-emulator */
const EMULATOR = {
  accountname: "devstoreaccount1",
  accountkey: "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==",
  blobendpoint: "http://127.0.0.1:10000/devstoreaccount1",
};

/**
 * The account that a connection string describes: by account key, shared access signature, or the emulator.
 *
 * @param connectionString as the Azure portal shows it; names of its parts in any case, as in Python.
 * @param field the field that it comes from, for messages.
 * @throws AshlarError `ERR_INVALID`
 */
export function accountOfConnectionString(connectionString: Secret<string>, field: string): AzureStorageAccount {
  const parts = partsOf(connectionString.reveal(), field);
  const suffix = parts.endpointsuffix || PUBLIC_CLOUD;
  const given = parts.accountname || null;
  if (!parts.blobendpoint && given === null) throw refused(field, "names no account: it has neither AccountName nor BlobEndpoint");
  const protocol = parts.defaultendpointsprotocol?.toLowerCase() || "https";
  const blobEndpoint = plainEndpoint(parts.blobendpoint || `${protocol}://${hostLabel(given ?? "", field)}.blob.${suffix}`, field);
  const name = given ?? nameIn(blobEndpoint);
  if (parts.accountkey) {
    if (name === null) throw refused(field, "has an AccountKey but no AccountName");
    return { name, blobEndpoint, suffix, access: { kind: "key", key: checkedKey(parts.accountkey, `AccountKey in ${field}`, field) } };
  }
  if (!parts.sharedaccesssignature) throw refused(field, "has neither AccountKey nor SharedAccessSignature");
  const sas = parts.sharedaccesssignature.trim().replace(/^\?/, "");
  if (!new URLSearchParams(sas).has("sig") || !/^[!-~]+$/.test(sas) || sas.includes("#"))
    throw refused(field, "has a SharedAccessSignature that is none: it has no sig, or is cut");
  return { name, blobEndpoint, suffix, access: { kind: "sas", sas: new Secret(sas) } };
}

/** The account of that name in Azure's public cloud. @throws AshlarError `ERR_INVALID` for what can be no account's name. */
export function accountOfName(name: string, field: string, access: AzureStorageAccess): AzureStorageAccount {
  return { name, blobEndpoint: `https://${hostLabel(name, field)}.blob.${PUBLIC_CLOUD}`, suffix: PUBLIC_CLOUD, access };
}

/** The account at a URL, `https://mtademo.blob.core.windows.net`. @throws AshlarError `ERR_INVALID` for what is no account's URL. */
export function accountOfUrl(url: string, field: string, access: AzureStorageAccess): AzureStorageAccount {
  const blobEndpoint = plainEndpoint(url, field);
  return { name: nameIn(blobEndpoint), blobEndpoint, suffix: PUBLIC_CLOUD, access };
}

/** An account key as access. @throws AshlarError `ERR_INVALID` for what is no base64 text: requests signed with it would only be denied. */
export function accessByKey(key: Secret<string>, field: string): AzureStorageAccess {
  return { kind: "key", key: checkedKey(key.reveal(), field, field) };
}

/**
 * A service principal's three fields as access.
 *
 * @param given by field name; all of them count as left out when all are empty.
 * @returns `undefined` when none is given.
 * @throws AshlarError `ERR_INVALID` when only some are.
 */
export function accessByServicePrincipal(
  given: Readonly<Record<string, string | Secret<string> | undefined>>,
): AzureStorageAccess | undefined {
  const missing = Object.keys(given).filter((field) => textOf(given[field]) === undefined);
  const [tenantId, clientId, clientSecret] = Object.values(given).map(textOf);
  if (tenantId !== undefined && clientId !== undefined && clientSecret !== undefined)
    return { kind: "servicePrincipal", tenantId, clientId, clientSecret: new Secret(clientSecret) };
  if (missing.length === Object.keys(given).length) return undefined;
  throw refused(missing.join(" and "), "is missing: a service principal needs tenant ID, client ID and client secret");
}

/** A field's text; an empty one counts as left out, since forms send it for that. */
export function textOf(value: string | Secret<string> | undefined): string | undefined {
  return (value instanceof Secret ? value.reveal() : value) || undefined;
}

/**
 * The host by which Hadoop's drivers name an account: `mtademo.dfs.core.windows.net`. Behind the emulator or a domain of one's own it is the
 * name that the account would have in its cloud.
 * @throws AshlarError `ERR_INVALID` when the account's name is not known.
 */
export function hadoopHost(account: AzureStorageAccount, service: "dfs" | "blob"): string {
  const { hostname } = new URL(account.blobEndpoint);
  if (CLOUD_HOST.test(hostname)) return hostname.replace(CLOUD_HOST, `.${service}.`);
  if (account.name !== null) return `${hostLabel(account.name, "AccountName")}.${service}.${account.suffix}`;
  throw new AshlarError("ERR_INVALID", "The storage account's name is not known: add AccountName=… to the connection string.");
}

/** Where a service principal of the account's cloud signs in; `https://login.microsoftonline.com` for the public one. */
export function signInHost(account: AzureStorageAccount): string {
  const { hostname } = new URL(account.blobEndpoint);
  return Object.entries(SIGN_IN_ELSEWHERE).find(([domain]) => hostname.endsWith(domain))?.[1] ?? SIGN_IN;
}

/**
 * The URL of a container, or of a path in it, percent-encoded, without a slash at the end unless the path has one.
 *
 * @param path inside the container, not encoded. Default: the container itself.
 * @throws AshlarError `ERR_INVALID` for `.` and `..` in the path, and when the account's name is not known but needed.
 */
export function containerUrl(account: AzureStorageAccount, container: string, protocol: AzureProtocol, path?: string): string {
  const name = encodedPart(container, "container");
  const tail = path === undefined ? "" : `/${encodedPath(path)}`;
  switch (protocol) {
    case "abfss":
    case "wasbs":
      return `${protocol}://${name}@${hadoopHost(account, protocol === "abfss" ? "dfs" : "blob")}${tail}`;
    case "https":
    case "http":
      return `${account.blobEndpoint.replace(/^https?/, protocol)}/${name}${tail}`;
    default:
      throw new TypeError('The protocol of a container\'s URL is "abfss", "wasbs", "https" or "http".');
  }
}

/** The protocol by which the account itself is reached: `https`, or `http` for the emulator. */
export function ownProtocol(account: AzureStorageAccount): "https" | "http" {
  return account.blobEndpoint.startsWith("http:") ? "http" : "https";
}

/**
 * A client of one container. Nothing is sent until it is used.
 *
 * @param container its name, not encoded.
 * @throws AshlarError `ERR_MISSING_PACKAGE` when the Azure SDK is not installed.
 */
export async function openContainer(
  account: AzureStorageAccount,
  container: string,
  options: StoragePipelineOptions = {},
): Promise<ContainerClient> {
  const url = containerUrl(account, container, ownProtocol(account));
  const sdk = await optionalPackage("@azure/storage-blob", SERVICE, () => import("@azure/storage-blob"));
  const { access, name } = account;
  switch (access.kind) {
    case "key":
      return new sdk.ContainerClient(url, new sdk.StorageSharedKeyCredential(name ?? "", access.key.reveal()), options);
    case "sas":
      return new sdk.ContainerClient(`${url}?${access.sas.reveal()}`, new sdk.AnonymousCredential(), options);
    case "anonymous":
      return new sdk.ContainerClient(url, new sdk.AnonymousCredential(), options);
    case "servicePrincipal": {
      const { ClientSecretCredential } = await optionalPackage("@azure/identity", SERVICE, () => import("@azure/identity"));
      const host = signInHost(account);
      // For the public cloud the SDK's own default is left alone: it heeds AZURE_AUTHORITY_HOST.
      const elsewhere = host === SIGN_IN ? {} : { authorityHost: host };
      const credential = new ClientSecretCredential(access.tenantId, access.clientId, access.clientSecret.reveal(), elsewhere);
      return new sdk.ContainerClient(url, credential, options);
    }
    case "default": {
      const { DefaultAzureCredential } = await optionalPackage("@azure/identity", SERVICE, () => import("@azure/identity"));
      return new sdk.ContainerClient(url, new DefaultAzureCredential(), options);
    }
  }
}

/**
 * A client of one blob. Nothing is sent until it is used.
 *
 * @param path of the blob inside the container, not encoded.
 * @throws AshlarError `ERR_INVALID` for a path that no URL can name, `ERR_MISSING_PACKAGE`
 */
export async function openBlob(
  account: AzureStorageAccount,
  container: string,
  path: string,
  options?: StoragePipelineOptions,
): Promise<BlockBlobClient> {
  if (path === "") throw new AshlarError("ERR_INVALID", "A blob needs a name, its path inside the container.", { path: "name" });
  encodedPath(path); // the SDK would encode what is refused here
  return (await openContainer(account, container, options)).getBlockBlobClient(path);
}

function refused(field: string, reason: string): AshlarError {
  return new AshlarError("ERR_INVALID", `${field} ${reason}.`, { path: field });
}

/** The parts of a connection string, names in lower case. */
function partsOf(text: string, field: string): Partial<Record<string, string>> {
  const parts: Partial<Record<string, string>> = {};
  for (const part of text.split(";").map((item) => item.trim())) {
    if (part === "") continue;
    const at = part.indexOf("=");
    if (at < 1) throw refused(field, "is no connection string: its parts look like Name=Value, with semicolons between them");
    parts[part.slice(0, at).toLowerCase()] = part.slice(at + 1);
  }
  if (parts.usedevelopmentstorage?.toLowerCase() !== "true") return parts;
  if (parts.developmentstorageproxyuri)
    throw refused(field, "has a DevelopmentStorageProxyUri, which is not supported: give AccountName, AccountKey and BlobEndpoint");
  return EMULATOR;
}

/** In a host name, where the service stands between the account and its cloud. */
const CLOUD_HOST = /\.(?:blob|dfs)\./;

/** A URL of an account's blobs and nothing more, without a slash at the end. Anything else in it could be a secret, or lead elsewhere. */
function plainEndpoint(text: string, field: string): string {
  const url = URL.parse(text.trim());
  const [where, tail] = url === null ? ["", ""] : [`${url.protocol}//${url.host}`, url.href.slice(url.origin.length)];
  // The emulator and its kin name the account in the path; Azure's own hosts never do.
  const path = url && CLOUD_HOST.test(url.hostname) ? /^\/$/ : /^\/[a-z0-9-]*\/?$/i;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== "" || url.password !== "" || !path.test(tail))
    throw refused(field, "has no plain account URL such as https://mtademo.blob.core.windows.net, without container, query or user");
  return `${where.replace(CLOUD_HOST, ".blob.")}${tail}`.replace(/\/$/, "");
}

function nameIn(endpoint: string): string | null {
  const { hostname, pathname } = new URL(endpoint);
  if (CLOUD_HOST.test(hostname)) return hostname.split(".")[0] ?? null;
  return pathname.slice(1) || null;
}

/** A name that stands in a host name and cannot lead to another host. */
function hostLabel(name: string, field: string): string {
  if (/^[a-z0-9-]+$/i.test(name)) return name;
  throw refused(field, "holds no storage account's name: letters and digits only");
}

function checkedKey(key: string, what: string, field: string): Secret<string> {
  const text = key.trim();
  if (/^[a-z0-9+/]+={0,2}$/i.test(text) && text.length % 4 === 0) return new Secret(text);
  throw new AshlarError("ERR_INVALID", `${what} is no account key: not base64, or cut. Copy it again from "Access keys" of the account.`, {
    path: field,
  });
}
