/** What the leak matrix shows: a sample of every shipped block, a block with every kind of field, and a naive class as the control. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { Azure } from "ashlar/blocks/azure";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { CANARY, KEY, samples } from "../blocks/samples.ts";
import { everything, leaf, middle } from "../frozen/blocks.ts";
import { ODD_CANARY } from "./canary.ts";

/** A storage account's name: secret in the schema of Azure's block, and shown by what makes URLs of it. */
export const ACCOUNT = "canaryaccount7xq2";
export const CANARIES = [CANARY, ODD_CANARY, ACCOUNT];

const azure = new Azure({
  bucketPath: "mta-demo/stage",
  azureStorageAccountName: ACCOUNT,
  azureStorageAccountKey: KEY,
  azureStorageConnectionString: `AccountName=${ACCOUNT};AccountKey=${KEY}`,
});

/** The one whose helpers show the account's name, on purpose. */
export const container = new AzureContainer({ container: "mta-demo", credentials: azure });

const files = readdirSync(join(import.meta.dirname, "../../blocks")).map((file) => basename(file, ".ts"));
const [one, two] = [leaf("one", ODD_CANARY), leaf("two", CANARY)];

/** By name; of every file in blocks/ that holds a block. */
export const subjects: Readonly<Record<string, object>> = {
  ...Object.fromEntries(files.flatMap((file) => (samples[file] ? [[file, samples[file]]] : []))),
  "an account's name": azure,
  "a container over it": container,
  "every kind of field": everything(middle(one, two, CANARY), ODD_CANARY),
};

/** What hides a value only from text and JSON. */
class Naive {
  readonly value = ODD_CANARY;
  toString(): string {
    return "********";
  }
  toJSON(): string {
    return "********";
  }
}

export const naive: Readonly<Record<string, object>> = { naive: new Naive() };
