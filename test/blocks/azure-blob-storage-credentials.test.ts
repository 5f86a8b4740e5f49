/** What `AzureBlobStorageCredentials` asks for, and which way into its account it gives. */
import { AzureBlobStorageCredentials } from "ashlar/blocks/azure-blob-storage-credentials";
import { expect, it } from "vitest";
import { CANARY, KEY } from "./samples.ts";

type Input = ConstructorParameters<typeof AzureBlobStorageCredentials>[0];
const url = { accountUrl: "https://mtademo.blob.core.windows.net" };
const connection = { connectionString: `AccountName=mtademo;AccountKey=${KEY}` };
const principal = { tenantId: "tenant", clientId: "client", clientSecret: CANARY };

it.each<[string, Input]>([
  ["key", connection],
  ["servicePrincipal", { ...url, ...principal }],
  ["default", url],
  ["default", { ...url, connectionString: "" }],
])("%s is the way in by what is given", (kind, input) => {
  const account = new AzureBlobStorageCredentials(input).storageAccount();
  expect(account).toMatchObject({ name: "mtademo", access: { kind } });
});

it.each<[Input, RegExp]>([
  [{}, /there is no account; give connectionString or accountUrl/],
  [{ ...principal }, /there is no account/],
  [{ connectionString: "", accountUrl: "" }, /there is no account/],
  [{ ...connection, ...url }, /accountUrl: names the account a second time; give connectionString or accountUrl, not both/],
  [{ ...connection, ...principal }, /connectionString: has its own way in; a service principal belongs to accountUrl/],
  [{ ...connection, clientId: CANARY }, /connectionString: has its own way in[\s\S]*tenantId: is missing/],
  [{ ...url, clientId: CANARY }, /tenantId: is missing; a service principal[\s\S]*clientSecret: is missing/],
  [{ ...url, ...principal, clientSecret: "" }, /clientSecret: is missing/],
  [{ accountUrl: `https://mtademo.blob.core.windows.net/?sig=${CANARY}` }, /accountUrl: must be the account's plain URL/],
])("refuses what contradicts itself, without a value (%#)", (input, message) => {
  const make = () => new AzureBlobStorageCredentials(input);
  expect(make).toThrow(message);
  expect(make).not.toThrow(CANARY);
});
