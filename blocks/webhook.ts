/**
 * An address that is called over HTTP: Prefect's own `Webhook`. Imports public names only.
 * @module
 */
import { AshlarError, Block, type Json, secret } from "ashlar";
import { outboundRequest } from "ashlar/blocks/outbound-request";
import { z } from "zod";

/** What {@link Webhook.send} takes besides the payload. */
export interface WebhookSendOptions {
  /** How long to wait for the whole answer, in milliseconds. Default: 30,000. */
  readonly timeoutMs?: number | undefined;
}

/** An address that is called over HTTP. Its URL and its headers are secret as a whole. */
export class Webhook extends Block.define({
  name: "Webhook",
  title: "Webhook",
  description: "Block that enables calling webhooks.",
  logoUrl: "https://raw.githubusercontent.com/PrefectHQ/prefect/420d0d6a78bb6df1fc18bcf188fdad43c1d22ea9/assets/block-logos/webhook.png",
  documentationUrl: "https://docs.prefect.io/latest/automate/events/webhook-triggers",
  codeExample: `\`\`\`typescript
import { Webhook } from "ashlar/blocks/webhook";

const webhook = await Webhook.load("BLOCK_NAME");

const answer = await webhook.send({ text: "The hourly traffic is there." });
if (!answer.ok) throw new Error(\`The webhook answered \${answer.status}.\`);
\`\`\``,
  fields: {
    method: z.enum(["GET", "POST", "PUT", "PATCH", "DELETE"]).default("POST").describe("The webhook request method. Defaults to `POST`."),
    // The example is Prefect's own: it counts in the checksum.
    url: secret().meta({ title: "Webhook URL", description: "The webhook URL.", examples: ["https://hooks.slack.com/XXX"] }),
    headers: secret(z.record(z.string(), z.unknown()))
      .prefault({})
      .meta({ title: "Webhook Headers", description: "A dictionary of headers to send with the webhook request." }),
    allowPrivateUrls: z.boolean().default(true).describe("Whether to allow notifications to private URLs. Defaults to True."),
    verify: z.boolean().default(true).describe("Whether or not to enforce a secure connection to the webhook."),
  },
}) {
  /**
   * Calls the webhook, and gives its answer, whatever its status; redirects are not followed. With `allowPrivateUrls: false` the connection is made
   * to public addresses only, checked when it is made. With `verify: false` nobody knows who answers: what is sent, the URL too, may be read.
   *
   * @param payload a text is sent as it is, anything else as JSON. Default: nothing is sent.
   * @throws AshlarError `ERR_INVALID` when `url` is no URL or a header cannot be sent; `ERR_DENIED` when the host has a private address and may not;
   * `ERR_UNREACHABLE` when there is no answer, or none in time; `ERR_LIMIT` when it is larger than 1 MiB. None of them shows URL, headers or payload.
   */
  async send(payload?: Json, { timeoutMs = 30_000 }: WebhookSendOptions = {}): Promise<Response> {
    const isJson = payload !== undefined && typeof payload !== "string";
    const { method, allowPrivateUrls, verify } = this;
    return outboundRequest(this.url.reveal(), {
      ...{ method, allowPrivateUrls, verify, timeoutMs },
      headers: { ...(isJson && { "content-type": "application/json" }), ...textHeaders(this.headers.reveal()) },
      body: isJson ? JSON.stringify(payload) : payload,
    });
  }
}

function textHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  const entries = Object.entries(headers).map(([name, value]): [string, string] => {
    if (typeof value === "string") return [name, value];
    throw new AshlarError("ERR_INVALID", "A value in headers is no text.", { path: "headers" });
  });
  return Object.fromEntries(entries);
}
