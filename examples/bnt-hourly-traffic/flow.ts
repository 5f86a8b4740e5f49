/**
 * The pipeline: reads a range of days of hourly bridge and tunnel traffic and puts it, one JSON object a line, where Spark will load it from.
 * What it needs to know of Azure, Iceberg and Databricks it loads by name, from the current store. `node flow.ts --help`
 *
 * Touches the network: the open-data source, and the storage account that the container block names. Writes progress to standard error.
 * @module
 */
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import type { BlockBlobClient } from "@azure/storage-blob";
import { AshlarError, isAshlarError } from "ashlar";
import { AzureContainer } from "ashlar/blocks/azure-container";
import { DatabricksConnectCluster } from "ashlar/blocks/databricks-connect-cluster";
import { IcebergAzureHadoop } from "ashlar/blocks/iceberg-azure-hadoop";
import type { SparkConfigs } from "ashlar/blocks/spark-configs";
import { z } from "zod";
import { type CrossingsQuery, readCrossings, SOURCE } from "./crossings.ts";

const BLOB = "stage/bnt_traffic_hourly.json";

const HELP = `Usage: node flow.ts [options]

Puts hourly bridge and tunnel traffic into the container's blob ${BLOB}.

  --start-date YYYY-MM-DD   first day (default: six days before the last)
  --end-date YYYY-MM-DD     last day, included (default: the day before the scheduled time)
  --scheduled-time TIME     ISO time that the run stands for (default: now)
  --source URL              the dataset (default: ${SOURCE})
  --page-size N             rows a request, at most 50000 (default: 5000)
  --container NAME          AzureContainer block (default: mtademo-container)
  --iceberg NAME            IcebergAzureHadoop block (default: mtademo-iceberg)
  --cluster NAME            DatabricksConnectCluster block (default: mtademo-singlenode-databricks)
  --help`;

/** What an upload holds at most: so many buffers of so many bytes, beside the page that is being read. */
const BUFFERS = 3;
const BUFFER_BYTES = 1024 * 1024;

/** What was put into the blob. */
export interface Uploaded {
  readonly rows: number;
  readonly bytes: number;
}

/** What the pipeline did, fit to be shown: secrets are still `Secret`. */
export interface Outcome extends Uploaded {
  /** The blocks that were loaded, class and name. */
  readonly blocks: readonly string[];
  /** Where Spark finds the rows. */
  readonly url: string;
  /** The table they are meant for. */
  readonly table: string;
  /** What a Spark session is to be given. */
  readonly sparkConfigs: SparkConfigs;
}

/** What to run the pipeline with. */
export interface PipelineOptions extends CrossingsQuery {
  /** Names of the three blocks. */
  readonly container: string;
  readonly iceberg: string;
  readonly cluster: string;
  /** Told how far it is. Default: nobody. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

/**
 * Runs the pipeline. All blocks are loaded before anything is read or written, and the blob appears as a whole or not at all.
 *
 * @throws AshlarError what loading throws; what {@link readCrossings} throws; `ERR_NOT_FOUND` when there are no rows (the blob stays as it was, so
 * that no older week is taken for this one); `ERR_DENIED`, `ERR_NOT_FOUND`, `ERR_UNREACHABLE` from the storage account.
 */
export async function pipeline(options: PipelineOptions): Promise<Outcome> {
  const container = await AzureContainer.load(options.container);
  const iceberg = await IcebergAzureHadoop.load(options.iceberg);
  const cluster = await DatabricksConnectCluster.load(options.cluster);
  const plan = {
    blocks: [container, iceberg, cluster].map(String),
    url: container.url({ path: BLOB }),
    table: iceberg.tableName({ zone: "bronze", table: "bnt_traffic_hourly" }),
    sparkConfigs: { ...iceberg.sparkConfigs(), ...cluster.sparkConfigs() },
  };
  return { ...plan, ...(await upload(await container.blobClient(BLOB), options)) };
}

async function upload(blob: BlockBlobClient, options: PipelineOptions): Promise<Uploaded> {
  const { onProgress = () => {} } = options;
  const total = { rows: 0, bytes: 0 };
  async function* lines(): AsyncGenerator<Buffer> {
    for await (const page of readCrossings(options)) {
      const text = Buffer.from(page.map((row) => `${JSON.stringify(row)}\n`).join(""));
      total.rows += page.length;
      total.bytes += text.length;
      onProgress(`read ${amount(total.rows)} rows, ${amount(total.bytes)} bytes`);
      yield text;
    }
    if (total.rows > 0) return;
    throw new AshlarError(
      "ERR_NOT_FOUND",
      `The source has no rows from ${options.startDate} to ${options.endDate}. Nothing was uploaded; give days that it has with --start-date and --end-date.`,
    );
  }
  const stream = Readable.from(lines());
  try {
    // Blocks are staged as they fill and become the blob in one last step: a run that breaks off leaves what was there before.
    await blob.uploadStream(stream, BUFFER_BYTES, BUFFERS, { blobHTTPHeaders: { blobContentType: "application/x-ndjson" } });
  } catch (error) {
    throw isAshlarError(error) ? error : storageError(error);
  } finally {
    stream.destroy();
  }
  return total;
}

/** A storage error in words of our own: the SDK's carries the request, and with it what the request was signed with. */
function storageError(error: unknown): AshlarError {
  const { statusCode, code } = error as { statusCode?: unknown; code?: unknown };
  const what = typeof code === "string" && /^[\w.]+$/.test(code) ? code : "no code";
  if (statusCode === 401 || statusCode === 403) {
    return new AshlarError(
      "ERR_DENIED",
      `The storage account refuses the upload (${statusCode}, ${what}). Do the credentials of the container block belong to this account, and may they write?`,
    );
  }
  if (statusCode === 404) {
    return new AshlarError(
      "ERR_NOT_FOUND",
      `The storage account has no such container (${what}). Make it, or correct the container block.`,
    );
  }
  const status = typeof statusCode === "number" ? `status ${statusCode}, ` : "";
  return new AshlarError(
    "ERR_UNREACHABLE",
    `The upload to the storage account broke off (${status}${what}); the blob is as it was before.`,
  );
}

function amount(count: number): string {
  return count.toLocaleString("en-US");
}

const DAY = 86_400_000;
const day = z.iso.date("is no day of the calendar, written YYYY-MM-DD");
const name = (standard: string) => z.string().default(standard);
const commandLine = z.object({
  "start-date": day.optional(),
  "end-date": day.optional(),
  "scheduled-time": z.iso.datetime({ offset: true, error: "is no time with a zone, such as 2026-11-23T12:00:00Z" }).optional(),
  source: z
    .url({ protocol: /^https?$/, error: "is no http or https address" })
    .refine((url) => new URL(url).username === "" && new URL(url).password === "", "may hold no user name and no password")
    .default(SOURCE),
  "page-size": z.coerce.number("is no number").int("is no whole number").min(1, "is below 1").max(50_000, "is above 50000").default(5_000),
  container: name("mtademo-container"),
  iceberg: name("mtademo-iceberg"),
  cluster: name("mtademo-singlenode-databricks"),
});

/**
 * The options of a command line; `null` when it asks for help.
 *
 * @param now what `--scheduled-time` is when it is not given.
 * @throws AshlarError `ERR_INVALID` with all that does not fit.
 */
export function readOptions(args: readonly string[], now = new Date()): PipelineOptions | null {
  const { help, ...given } = splitCommandLine(args);
  if (help) return null;
  const result = commandLine.safeParse(given);
  if (!result.success) throw invalidOptions(result.error.issues.map((issue) => `--${String(issue.path[0])} ${issue.message}`));
  const { "page-size": pageSize, "scheduled-time": scheduled, ...options } = result.data;
  const scheduledTime = scheduled === undefined ? now.getTime() : Date.parse(scheduled);
  const endDate = options["end-date"] ?? dayOf(scheduledTime - DAY);
  const startDate = options["start-date"] ?? dayOf(Date.parse(endDate) - 6 * DAY);
  if (startDate > endDate) throw invalidOptions([`--start-date ${startDate} is after the last day, ${endDate}`]);
  const { source, container, iceberg, cluster } = options;
  return { startDate, endDate, source, pageSize, container, iceberg, cluster };
}

function splitCommandLine(args: readonly string[]): { readonly help?: boolean | undefined; readonly [option: string]: unknown } {
  const options = Object.fromEntries(Object.keys(commandLine.shape).map((option) => [option, { type: "string" }] as const));
  try {
    return parseArgs({ args: [...args], options: { ...options, help: { type: "boolean" } } }).values;
  } catch (error) {
    throw invalidOptions([(error as Error).message]);
  }
}

function invalidOptions(issues: readonly string[]): AshlarError {
  return new AshlarError("ERR_INVALID", `${issues.join("\n")}\nSee node flow.ts --help.`);
}

/** The calendar day of a moment, UTC. */
function dayOf(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

const INDENT = " ".repeat(10);

async function main(): Promise<void> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) return console.log(HELP);
  const { startDate, endDate, source = SOURCE } = options;
  const onProgress = (message: string) => console.error(`  ${message}`);
  const onRetry = (reason: string, delay: number) => onProgress(`${reason}, again in ${Math.round(delay)} ms`);
  onProgress(`reading ${startDate} to ${endDate} from ${new URL(source).host}`);
  const { blocks, rows, bytes, url, table, sparkConfigs } = await pipeline({ ...options, onProgress, onRetry });
  console.log(`loaded    ${blocks.join(`\n${INDENT}`)}`);
  console.log(`uploaded  ${amount(rows)} rows, ${amount(bytes)} bytes\n${INDENT}${url}`);
  console.log(`table     ${table}\nSpark     ${describe(sparkConfigs)}`);
}

/** One setting a line; a `Secret` in a text is a mask. */
function describe(configs: SparkConfigs): string {
  return Object.entries(configs)
    .map(([key, value]) => `${key} = ${value}`)
    .join(`\n${INDENT}`);
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    if (!isAshlarError(error)) throw error;
    console.error(error.message);
    process.exit(1); // a request of the half that did not fail would keep the process
  });
}
