/** Which way into its account an `Azure` block gives. */
import { Azure } from "ashlar/blocks/azure";
import { expect, it } from "vitest";
import { CANARY, KEY } from "./samples.ts";

type Input = ConstructorParameters<typeof Azure>[0];
const account = (fields: Partial<Input>) => new Azure({ bucketPath: "b", ...fields }).storageAccount();

const name = { azureStorageAccountName: "mtademo" };
const key = { azureStorageAccountKey: KEY };
const principal = { azureStorageTenantId: "tenant", azureStorageClientId: "client", azureStorageClientSecret: CANARY };
const connection = { azureStorageConnectionString: `AccountName=other;SharedAccessSignature=sig=${CANARY}` };

it.each<[string, Partial<Input>]>([
  ["sas", { ...connection, ...name, ...key, ...principal }],
  ["key", { ...name, ...key, ...principal }],
  ["servicePrincipal", { ...name, ...principal }],
  ["servicePrincipal", { ...name, ...principal, azureStorageAccountKey: "", azureStorageConnectionString: "" }],
  ["anonymous", name],
  ["default", { ...name, azureStorageAnon: false }],
  ["key", { ...name, ...key, azureStorageAnon: false }],
])("%s comes first of what is given", (kind, fields) => {
  expect(account(fields).access.kind).toBe(kind);
  expect(JSON.stringify(account(fields))).not.toContain(CANARY);
});

it("asks for an account, and for all of a service principal", () => {
  expect(() => account({})).toThrow(/There is no account: give azureStorageConnectionString, or azureStorageAccountName/);
  expect(() => account({ ...name, ...principal, azureStorageTenantId: "" })).toThrow(/azureStorageTenantId is missing/);
  expect(() => account({ azureStorageAccountName: "a.b/c" })).toThrow(/azureStorageAccountName holds no storage account's name/);
});
