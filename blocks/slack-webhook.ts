/**
 * A Slack channel that is written to by an incoming webhook: Prefect's own `SlackWebhook`. Imports public names only; @slack/webhook when something
 * is sent.
 * @module
 */
import type { IncomingWebhookSendArguments } from "@slack/webhook";
import { AshlarError, Block, type ErrorCode, isAshlarError, secret } from "ashlar";
import { optionalPackage } from "ashlar/blocks/optional-package";
import { outboundRequest } from "ashlar/blocks/outbound-request";
import { z } from "zod";

/** What a message looks like by its type; the colours of Python's notifications. */
const COLOURS = { info: "#3AA3E3", success: "#3AA337", warning: "#CACF29", failure: "#A32037" } as const;

const TIMEOUT_MS = 30_000;

/** A Slack channel, by the URL of an incoming webhook; whoever has the URL can write there, so it is secret as a whole. */
export class SlackWebhook extends Block.define({
  name: "Slack Webhook",
  title: "SlackWebhook",
  description: `Enables sending notifications via a provided Slack webhook.

Supports both standard Slack webhooks (hooks.slack.com) and Slack GovCloud
webhooks (hooks.slack-gov.com).`,
  logoUrl: "https://raw.githubusercontent.com/PrefectHQ/prefect/420d0d6a78bb6df1fc18bcf188fdad43c1d22ea9/assets/block-logos/slack.png",
  documentationUrl: "https://docs.prefect.io/latest/automate/events/automations-triggers#sending-notifications-with-automations",
  codeExample: `\`\`\`typescript
import { SlackWebhook } from "ashlar/blocks/slack-webhook";

// Sent by @slack/webhook (npm install @slack/webhook)
const slack = await SlackWebhook.load("BLOCK_NAME");
await slack.send("The hourly traffic is there.");
\`\`\``,
  capabilities: ["notify"],
  fields: {
    notifyType: z.enum(["info", "success", "warning", "failure"]).default("info").describe("The type of notification being performed."),
    url: secret().meta({
      title: "Webhook URL",
      description: "Slack incoming webhook URL used to send notifications.",
      examples: ["https://hooks.slack.com/XXX"], // Prefect's own example: it counts in the checksum
    }),
    allowPrivateUrls: z.boolean().default(true).describe("Whether to allow notifications to private URLs. Defaults to True."),
  },
}) {
  /**
   * Writes a message.
   *
   * @param message a text, with Slack's mrkdwn, beside a bar in the colour of `notifyType`; or the message as `@slack/webhook` takes it.
   * @throws AshlarError `ERR_DENIED` when Slack refuses the webhook, or when the host has a private address and may not; `ERR_INVALID` when it does
   * not take the message, or `url` is no URL; `ERR_UNREACHABLE`, `ERR_MISSING_PACKAGE`. None of them shows URL or message.
   */
  async send(message: string | IncomingWebhookSendArguments): Promise<void> {
    const { IncomingWebhook } = await optionalPackage("@slack/webhook", "Slack", () => import("@slack/webhook"));
    const { allowPrivateUrls } = this;
    const webhook = new IncomingWebhook(this.url.reveal(), {
      fetch: (url, { method = "POST", headers = {}, body } = {}) =>
        outboundRequest(String(url), { method, headers, body: String(body), timeoutMs: TIMEOUT_MS, allowPrivateUrls, verify: true }),
    });
    const args =
      typeof message === "string" ? { attachments: [{ color: COLOURS[this.notifyType], text: message, fallback: message }] } : message;
    await webhook.send(args).catch((error: unknown) => {
      throw refusal(error);
    });
  }
}

/** What Slack says is one word, such as `no_service`; anything else could be the URL sent back. */
function refusal(error: unknown): unknown {
  const { original, statusCode, body } = error as { original?: unknown; statusCode?: number; body?: unknown };
  if (isAshlarError(original)) return original;
  if (statusCode === undefined) return error;
  const word = typeof body === "string" && /^[a-z_]{1,40}$/.test(body) ? ` (${body})` : "";
  return new AshlarError(codeOf(statusCode), `Slack does not take the message: it answers ${statusCode}${word}.`, { path: "url" });
}

/** https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#handling_errors */
function codeOf(status: number): ErrorCode {
  if (status === 401 || status === 403) return "ERR_DENIED";
  return status >= 500 || status === 429 ? "ERR_UNREACHABLE" : "ERR_INVALID";
}
