/** What a `SlackWebhook` writes, through the real @slack/webhook, to a server on this machine that answers as Slack does. */
import { SlackWebhook } from "ashlar/blocks/slack-webhook";
import { afterEach, beforeAll, expect, it } from "vitest";
import { type Answer, httpServer, type TestServer } from "../http-server.ts";
import { refusalOf } from "./refusal.ts";
import { CANARY } from "./samples.ts";

const path = `/services/T0/B0/${CANARY}`;
const ok: Answer = { body: "ok" };
let [server, answer]: [TestServer | undefined, Answer] = [undefined, ok];
beforeAll(async () => {
  server = await httpServer(() => answer);
});
afterEach(() => {
  answer = ok;
  server?.received.splice(0);
});
const slack = (more: { notifyType?: "failure"; allowPrivateUrls?: boolean } = {}) =>
  new SlackWebhook({ url: `${server?.origin}${path}`, ...more });
const written = () => server?.received.map(({ body }) => JSON.parse(body) as unknown);

it("writes a text beside a bar in the colour of its type", async () => {
  await slack().send("*There* it is.");
  await slack({ notifyType: "failure" }).send("It failed.");
  expect(written()).toEqual([
    { attachments: [{ color: "#3AA3E3", text: "*There* it is.", fallback: "*There* it is." }] },
    { attachments: [{ color: "#A32037", text: "It failed.", fallback: "It failed." }] },
  ]);
  expect(server?.received[0]).toMatchObject({ method: "POST", path, headers: { "content-type": "application/json" } });
  expect(server?.received[0]?.headers["user-agent"]).toMatch(/webhook/);
});

it("writes a message of blocks as it is", async () => {
  const message = { text: "plain", blocks: [{ type: "section" as const, text: { type: "mrkdwn" as const, text: "*rich*" } }] };
  await slack().send(message);
  expect(written()).toEqual([message]);
});

it.each<[Answer, string, RegExp]>([
  [{ status: 403, body: "invalid_token" }, "ERR_DENIED", /it answers 403 \(invalid_token\)\.$/],
  [{ status: 404, body: "no_service" }, "ERR_INVALID", /it answers 404 \(no_service\)\.$/],
  [{ status: 400, body: `invalid_payload ${CANARY}` }, "ERR_INVALID", /it answers 400\.$/],
  [{ status: 302, headers: { location: `http://127.0.0.1:1${path}` } }, "ERR_INVALID", /it answers 302\.$/],
  [{ status: 429, body: "rate_limited" }, "ERR_UNREACHABLE", /it answers 429 \(rate_limited\)\.$/],
  [{ status: 500, body: `<html>${path}</html>` }, "ERR_UNREACHABLE", /it answers 500\.$/],
])("says what Slack answers, and nothing of the URL (%#)", async (answers, code, message) => {
  answer = answers;
  expect(await refusalOf(() => slack().send(CANARY), [CANARY])).toMatchObject({ code, message: expect.stringMatching(message) });
  expect(server?.received).toHaveLength(1);
});

it("is refused where nobody answers, where the address is private and may not be, and where there is none", async () => {
  const gone = new SlackWebhook({ url: `http://127.0.0.1:1${path}` });
  expect(await refusalOf(() => gone.send(CANARY), [CANARY])).toMatchObject({ code: "ERR_UNREACHABLE" });
  expect(await refusalOf(() => slack({ allowPrivateUrls: false }).send(CANARY), [CANARY])).toMatchObject({ code: "ERR_DENIED" });
  for (const url of [CANARY, `slack://${CANARY}`, ""])
    expect(await refusalOf(() => new SlackWebhook({ url }).send(CANARY), [CANARY])).toMatchObject({ code: "ERR_INVALID" });
  expect(server?.received).toEqual([]);
});
