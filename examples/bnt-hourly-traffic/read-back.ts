/**
 * Reads back what the pipeline put into the container, line by line, and says how much it is. `node read-back.ts`
 * @module
 */
import { createInterface } from "node:readline";
import { isAshlarError } from "ashlar";
import { AzureContainer } from "ashlar/blocks/azure-container";
import type { Crossing } from "./crossings.ts";

async function main(): Promise<void> {
  const container = await AzureContainer.load("mtademo-container");
  const blob = await container.blobClient("stage/bnt_traffic_hourly.json");
  const { readableStreamBody: body } = await blob.download();
  if (!body) throw new TypeError("A download in Node has a stream.");
  const days = new Map<string, number>();
  let [rows, vehicles] = [0, 0];
  for await (const line of createInterface({ input: body })) {
    const row = JSON.parse(line) as Crossing;
    rows += 1;
    vehicles += (row.vehicles_e_zpass ?? 0) + (row.vehicles_vtoll ?? 0);
    const day = row.date.slice(0, 10);
    days.set(day, (days.get(day) ?? 0) + 1);
  }
  console.log(`${rows.toLocaleString("en-US")} rows, ${vehicles.toLocaleString("en-US")} vehicles`);
  for (const [day, count] of days) console.log(`  ${day}  ${count} rows`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    if (!isAshlarError(error)) throw error;
    console.error(error.message);
    process.exitCode = 1;
  });
}
