import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { send } from "../../src/server/send.ts";

const PARTS = 40;
const PART = "x".repeat(500_000);

/** Sends a body in parts; the answer, and the response with what became of it. */
async function sent(): Promise<{ answer: IncomingMessage; response: ServerResponse; done: Promise<unknown> }> {
  const { promise, resolve } = Promise.withResolvers<{ response: ServerResponse; done: Promise<unknown> }>();
  async function* parts() {
    for (let part = 0; part < PARTS; part++) yield PART;
  }
  const server = createServer((_request, response) =>
    resolve({ response, done: Promise.resolve(send(response, { status: 200, body: parts() }, [], [])) }),
  );
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const [answer] = (await once(get({ port: (server.address() as AddressInfo).port, host: "127.0.0.1" }), "response")) as [IncomingMessage];
  return { answer, ...(await promise) };
}

test("a body in parts waits for a client that takes it slowly, and listens for its going away once", async () => {
  const { answer, response, done } = await sent();
  let size = 0;
  let most = 0;
  for await (const part of answer as AsyncIterable<Buffer>) {
    size += part.length;
    most = Math.max(most, response.listenerCount("close"));
    await setTimeout(1);
  }
  await done;
  expect(size).toBe(PARTS * PART.length);
  expect(most).toBeLessThan(5);
});

test("a body in parts ends when its client is gone", async () => {
  const { answer, response, done } = await sent();
  answer.destroy();
  await done;
  expect(response.destroyed).toBe(true);
});
