/**
 * Run by server-load.ts, as a thread of its own, so that whoever asks beside it waits for the server and not for a reader of megabytes: asks for a list once
 * it is told to, and says when it has all of it. Data: its URL, and the headers.
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { asked } from "./serving.ts";

const { url, headers } = workerData as { readonly url: string; readonly headers: Record<string, string> };
parentPort?.once("message", async () => {
  const begun = performance.now();
  const answer = await asked(url, { headers });
  await answer.arrayBuffer();
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  parentPort?.postMessage(performance.now() - begun);
});
parentPort?.postMessage("ready");
