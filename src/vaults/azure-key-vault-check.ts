/**
 * Looks for what is wrong in Azure Key Vault with the secrets of a store: what no record names, what expires, what is not protected. Lists, and so
 * reads no value; changes nothing.
 * @module
 */
import type { SecretClient, SecretProperties } from "@azure/keyvault-secrets";

/** The tag of a secret that holds the identity of its store. */
export const STORE_TAG = "ashlar-store";

/** When what expires is told of. */
const NOTICE_MS = 30 * 86_400_000;
/** What no record names may belong to one that is being written. */
const LEFT_OVER_MS = 3_600_000;

/**
 * What is wrong, in sentences.
 * @param versions by name, the version that a record names.
 * @param timeout milliseconds for each page of a list.
 * @throws what the SDK throws.
 */
export async function faultsIn(
  client: Pick<SecretClient, "vaultUrl" | "listPropertiesOfSecrets" | "listPropertiesOfSecretVersions">,
  storeId: string,
  versions: ReadonlyMap<string, string>,
  timeout: number,
): Promise<string[]> {
  const options = { requestOptions: { timeout } };
  const wrong: string[] = [];
  let level: string | undefined;
  for await (const secret of client.listPropertiesOfSecrets(options)) {
    if (secret.tags?.[STORE_TAG] !== storeId) continue;
    level ??= secret.recoveryLevel;
    const version = versions.get(secret.name);
    if (version !== undefined) {
      for await (const each of client.listPropertiesOfSecretVersions(secret.name, options)) wrong.push(...versionFaults(each, version));
    } else if (isOld(secret)) {
      wrong.push(`${shown(secret)} belongs to no document: a write or a deletion was interrupted. Delete it in Azure Key Vault.`);
    }
  }
  if (level !== undefined && /Purgeable/.test(level))
    wrong.push(
      `${client.vaultUrl} is not protected from purging: who may purge can destroy all secrets for good. az keyvault update --enable-purge-protection true changes that.`,
    );
  return wrong;
}

function versionFaults(secret: SecretProperties, named: string): string[] {
  const { version, enabled, expiresOn } = secret;
  if (version === named && expiresOn !== undefined && expiresOn.getTime() < Date.now() + NOTICE_MS) {
    const when = expiresOn.getTime() < Date.now() ? "has expired" : "expires";
    return [`${shown(secret)} ${when} on ${expiresOn.toISOString().slice(0, 10)}: change what it stands for, and save the document anew.`];
  }
  if (version === named || enabled === false || !isOld(secret)) return [];
  return [`${shown(secret)} has a version ${version} that no document names: a write was interrupted. Disable it in Azure Key Vault.`];
}

function shown({ name, tags = {} }: SecretProperties): string {
  return `The secret ${name} (${tags.type}/${tags.name})`;
}

function isOld({ updatedOn }: SecretProperties): boolean {
  return updatedOn !== undefined && Date.now() - updatedOn.getTime() > LEFT_OVER_MS;
}
