/** Blocks of Prefect and its Azure collection; what is not shipped here is declared as a user would: the same schemas and checksums. */
import { AzureBlobStorageContainer } from "ashlar/blocks/azure-blob-storage-container";
import { AzureCosmosDbCredentials } from "ashlar/blocks/azure-cosmos-db-credentials";
import { SlackWebhook } from "ashlar/blocks/slack-webhook";
import { Webhook } from "ashlar/blocks/webhook";
import { z } from "zod";
import { Block, secret } from "../src/index.ts";
import { describeCases, fixture } from "./schema-cases.ts";

class PagerDutyWebHook extends Block.define({
  name: "Pager Duty Webhook",
  description: "Enables sending notifications via a provided PagerDuty webhook.",
  fields: {
    notifyType: z.enum(["info", "success", "warning", "failure"]).default("info").describe("The severity of the notification."),
    integrationKey: secret().describe(
      "This can be found on the Events API V2 integration's detail page, and is also referred to as a Routing Key. This must be provided alongside `api_key`, but will error if provided alongside `url`.",
    ),
    apiKey: secret().meta({
      title: "API Key",
      description:
        "This can be found under Integrations. This must be provided alongside `integration_key`, but will error if provided alongside `url`.",
    }),
    source: z.string().nullable().default("Prefect").describe("The source string as part of the payload."),
    component: z.string().default("Notification").describe("The component string as part of the payload."),
    group: z.string().optional().describe("The group string as part of the payload."),
    classId: z.string().optional().meta({ title: "Class ID", description: "The class string as part of the payload." }),
    regionName: z.enum(["us", "eu"]).default("us").describe("The region name."),
    clickableUrl: z.url().min(1).optional().meta({ title: "Clickable URL", description: "A clickable URL to associate with the notice." }),
    includeImage: z.boolean().default(true).describe("Associate the notification status via a represented icon."),
    customDetails: z
      .record(z.string(), z.string())
      .optional()
      .meta({ examples: ['{"disk_space_left": "145GB"}'], description: "Additional details to include as part of the payload." }),
  },
}) {}

class OpsgenieWebhook extends Block.define({
  name: "Opsgenie Webhook",
  description: "Enables sending notifications via a provided Opsgenie webhook.",
  fields: {
    notifyType: z.enum(["info", "success", "warning", "failure"]).default("info").describe("The type of notification being performed."),
    apikey: secret().meta({ title: "API Key", description: "The API Key associated with your Opsgenie account." }),
    targetUser: z.array(z.string()).optional().describe("The user(s) you wish to notify."),
    targetTeam: z.array(z.string()).optional().describe("The team(s) you wish to notify."),
    targetSchedule: z.array(z.string()).optional().describe("The schedule(s) you wish to notify."),
    targetEscalation: z.array(z.string()).optional().describe("The escalation(s) you wish to notify."),
    regionName: z.enum(["us", "eu"]).default("us").describe("The 2-character region code."),
    batch: z.boolean().default(false).describe("Notify all targets in batches (instead of individually)."),
    tags: z
      .array(z.string())
      .optional()
      .meta({
        examples: ['["tag1", "tag2"]'],
        description: "A comma-separated list of tags you can associate with your Opsgenie message.",
      }),
    priority: z
      .int()
      .nullable()
      .default(3)
      .describe("The priority to associate with the message. It is on a scale between 1 (LOW) and 5 (EMERGENCY)."),
    alias: z.string().optional().describe("The alias to associate with the message."),
    entity: z.string().optional().describe("The entity to associate with the message."),
    details: z
      .record(z.string(), z.string())
      .optional()
      .meta({ examples: ['{"key1": "value1", "key2": "value2"}'], description: "Additional details composed of key/values pairs." }),
  },
}) {}

class DiscordWebhook extends Block.define({
  name: "Discord Webhook",
  description: "Enables sending notifications via a provided Discord webhook.",
  fields: {
    notifyType: z.enum(["info", "success", "warning", "failure"]).default("info").describe("The type of notification being performed."),
    webhookId: secret().describe("The first part of 2 tokens provided to you after creating a incoming-webhook."),
    webhookToken: secret().describe("The second part of 2 tokens provided to you after creating a incoming-webhook."),
    botname: z.string().optional().meta({
      title: "Bot name",
      description:
        "Identify the name of the bot that should issue the message. If one isn't specified then the default is to just use your account (associated with the incoming-webhook).",
    }),
    tts: z.boolean().default(false).describe("Whether to enable Text-To-Speech."),
    includeImage: z
      .boolean()
      .default(false)
      .describe("Whether to include an image in-line with the message describing the notification type."),
    avatar: z.boolean().default(false).describe("Whether to override the default discord avatar icon."),
    avatarUrl: z.string().optional().meta({
      title: "Avatar URL",
      description:
        "Over-ride the default discord avatar icon URL. By default this is not set and Apprise chooses the URL dynamically based on the type of message (info, success, warning, or error).",
    }),
  },
}) {}

class SendgridEmail extends Block.define({
  name: "Sendgrid Email",
  description: "Enables sending notifications via Sendgrid email service.",
  fields: {
    notifyType: z.enum(["info", "success", "warning", "failure"]).default("info").describe("The type of notification being performed."),
    apiKey: secret().meta({ title: "API Key", description: "The API Key associated with your sendgrid account." }),
    senderEmail: z.string().meta({ title: "Sender email id", examples: ["test-support@gmail.com"], description: "The sender email id." }),
    toEmails: z.array(z.string()).meta({
      title: "Recipient emails",
      examples: ['["recipient1@gmail.com", "recipient2@gmail.com"]'],
      description: "Email ids of all recipients.",
    }),
  },
}) {}

class RemoteFileSystem extends Block.define({
  name: "Remote File System",
  description:
    'Store data as a file on a remote file system.\n\nSupports any remote file system supported by `fsspec`. The file system is specified\nusing a protocol. For example, "s3://my-bucket/my-folder/" will use S3.',
  fields: {
    basepath: z.string().meta({ examples: ["s3://my-bucket/my-folder/"], description: "Default path for this block to write to." }),
    settings: z.record(z.string(), z.any()).prefault({}).describe("Additional settings to pass through to fsspec."),
  },
}) {}

class RedisStorageContainer extends Block.define({
  name: "RedisStorageContainer",
  description: "Block used to interact with Redis as a filesystem",
  fields: {
    host: z.string().optional().describe("Redis hostname"),
    port: z.int().default(6379).describe("Redis port"),
    db: z.int().default(0).describe("Redis DB index"),
    username: secret().optional().describe("Redis username"),
    password: secret().optional().describe("Redis password"),
    connectionString: secret().optional().describe("Redis connection string"),
  },
}) {}

class AzureContainerInstanceCredentials extends Block.define({
  name: "Azure Container Instance Credentials",
  description: "Block used to manage Azure Container Instances authentication. Stores Azure Service\nPrincipal authentication data.",
  fields: {
    clientId: z.string().optional().meta({
      title: "Client ID",
      description:
        "The service principal client ID. If none of client_id, tenant_id, and client_secret are provided, will use DefaultAzureCredential; else will need to provide all three to use ClientSecretCredential.",
    }),
    tenantId: z.string().optional().meta({
      title: "Tenant ID",
      description:
        "The service principal tenant ID.If none of client_id, tenant_id, and client_secret are provided, will use DefaultAzureCredential; else will need to provide all three to use ClientSecretCredential.",
    }),
    clientSecret: secret()
      .optional()
      .describe(
        "The service principal client secret.If none of client_id, tenant_id, and client_secret are provided, will use DefaultAzureCredential; else will need to provide all three to use ClientSecretCredential.",
      ),
    credentialKwargs: z.record(z.string(), z.any()).prefault({}).meta({
      title: "Additional Credential Keyword Arguments",
      description: "Additional keyword arguments to pass to `ClientSecretCredential` or `DefaultAzureCredential`.",
    }),
  },
}) {}

describeCases("blocks of Prefect", fixture<{ blocks: never[] }>("head-class-schemas.json").blocks, {
  SlackWebhook,
  PagerDutyWebHook,
  OpsgenieWebhook,
  DiscordWebhook,
  SendgridEmail,
  Webhook,
  RemoteFileSystem,
  RedisStorageContainer,
  AzureCosmosDbCredentials,
  AzureContainerInstanceCredentials,
  AzureBlobStorageContainer,
});
