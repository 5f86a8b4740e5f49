/**
 * The three block types of Prefect's system, which are always there and cannot be deleted (protocol.md §7.6, §8.3). Data, and how it is installed.
 * Touches the store's contract.
 *
 * Their links differ from one release of Prefect to the next, and clients write their own over them: so logos are left to clients, and nothing that is
 * there is changed when a server starts.
 * @module
 */
import { schemaChecksum } from "../checksum.ts";
import type { BlockType, Store } from "../stores/store.ts";

/** The release of Prefect whose classes these schemas are. */
export const SYSTEM_VERSION = "3.8.8";

const SECRET_DESCRIPTION =
  "A block that represents a secret value. The value stored in this block will be obfuscated when this block is viewed or edited in the UI.";

interface SystemType {
  readonly type: Omit<BlockType, "slug" | "logoUrl" | "protected">;
  readonly capabilities: readonly string[];
  /** Without what every schema has: title, type, slug, references. */
  readonly fields: {
    readonly title: string;
    readonly properties: object;
    readonly required?: readonly string[];
    readonly secret_fields: readonly string[];
  };
}

const SYSTEM_TYPES: Readonly<Record<string, SystemType>> = {
  "local-file-system": {
    type: {
      name: "Local File System",
      description: "Store data as a file on a local file system.",
      documentationUrl: "https://docs.prefect.io/latest/develop/results#specifying-a-default-filesystem",
      codeExample:
        'Load stored local file system config:\n```python\nfrom prefect.filesystems import LocalFileSystem\n\nlocal_file_system_block = LocalFileSystem.load("BLOCK_NAME")\n```',
    },
    capabilities: ["get-directory", "put-directory", "read-path", "write-path"],
    fields: {
      title: "LocalFileSystem",
      properties: {
        basepath: {
          anyOf: [{ type: "string" }, { type: "null" }],
          default: null,
          description: "Default local path for this block to write to.",
          title: "Basepath",
          position: 0,
        },
      },
      secret_fields: [],
    },
  },
  secret: {
    type: {
      name: "Secret",
      description: SECRET_DESCRIPTION,
      documentationUrl: "https://docs.prefect.io/latest/develop/blocks",
      codeExample:
        '```python\nfrom prefect.blocks.system import Secret\n\nSecret(value="sk-1234567890").save("BLOCK_NAME", overwrite=True)\n\nsecret_block = Secret.load("BLOCK_NAME")\n\n# Access the stored secret\nsecret_block.get()\n```',
    },
    capabilities: [],
    fields: {
      title: "Secret",
      properties: {
        value: {
          anyOf: [
            { format: "password", type: "string", writeOnly: true },
            { title: "string", type: "string" },
            { $ref: "#/definitions/JsonValue", title: "JSON" },
          ],
          description: "A value that should be kept secret.",
          examples: ["sk-1234567890", { password: "s3cr3t", username: "johndoe" }],
          format: "password",
          title: "Value",
          writeOnly: true,
          position: 0,
        },
      },
      required: ["value"],
      secret_fields: ["value", "value"],
    },
  },
  webhook: {
    type: {
      name: "Webhook",
      description: "Block that enables calling webhooks.",
      documentationUrl: "https://docs.prefect.io/latest/automate/events/webhook-triggers",
      codeExample: '```python\nfrom prefect.blocks.webhook import Webhook\n\nwebhook_block = Webhook.load("BLOCK_NAME")\n```',
    },
    capabilities: [],
    fields: {
      title: "Webhook",
      properties: {
        method: {
          default: "POST",
          description: "The webhook request method. Defaults to `POST`.",
          enum: ["GET", "POST", "PUT", "PATCH", "DELETE"],
          title: "Method",
          type: "string",
          position: 0,
        },
        url: {
          description: "The webhook URL.",
          examples: ["https://hooks.slack.com/XXX"], // Prefect's own: it counts in the checksum
          format: "password",
          title: "Webhook URL",
          type: "string",
          writeOnly: true,
          position: 1,
        },
        headers: {
          description: "A dictionary of headers to send with the webhook request.",
          title: "Webhook Headers",
          type: "object",
          position: 2,
        },
        allow_private_urls: {
          default: true,
          description: "Whether to allow notifications to private URLs. Defaults to True.",
          title: "Allow Private Urls",
          type: "boolean",
          position: 3,
        },
        verify: {
          default: true,
          description: "Whether or not to enforce a secure connection to the webhook.",
          title: "Verify",
          type: "boolean",
          position: 4,
        },
      },
      required: ["url"],
      secret_fields: ["url", "headers.*"],
    },
  },
};

/** Slugs of the types. */
export const SYSTEM_SLUGS = Object.keys(SYSTEM_TYPES);

/**
 * Makes the types and their schemas known. What is there already only becomes protected.
 * @param options `reset` writes names, descriptions and examples over those there.
 */
export async function installSystemTypes(store: Store, { reset = false } = {}): Promise<void> {
  for (const [slug, { type, capabilities, fields }] of Object.entries(SYSTEM_TYPES)) {
    const there = await store.type({ slug });
    if (!there) await store.saveType({ ...type, slug, logoUrl: null, protected: true });
    else if (reset || !there.protected) {
      const { logoUrl, documentationUrl } = there;
      const about = reset ? type : there;
      const { name, description, codeExample } = about;
      await store.saveType({ slug, name, description, codeExample, logoUrl, documentationUrl, protected: true }, { update: true });
    }
    const { description } = type;
    const whole = JSON.stringify({
      block_type_slug: slug,
      ...(description && { description }),
      ...fields,
      type: "object",
      block_schema_references: {},
    });
    await store.saveSchema({ checksum: schemaChecksum(whole), type: slug, version: SYSTEM_VERSION, capabilities, fields: whole });
  }
}
