/**
 * A block that holds one secret value: Prefect's own `Secret`. Imports public names only.
 * @module
 */
import { Block, secret } from "ashlar";
import { z } from "zod";

/**
 * One secret value, a text or any JSON value, under the slug `secret`. It is called `SecretBlock` here because `Secret` is the class of the
 * value inside: `new SecretBlock({ value: "…" }).value` is a `Secret`.
 */
export class SecretBlock extends Block.define({
  name: "Secret",
  title: "Secret",
  description:
    "A block that represents a secret value. The value stored in this block will be obfuscated when this block is viewed or edited in the UI.",
  logoUrl: "https://raw.githubusercontent.com/PrefectHQ/prefect/420d0d6a78bb6df1fc18bcf188fdad43c1d22ea9/assets/block-logos/secret.png",
  documentationUrl: "https://docs.prefect.io/latest/develop/blocks",
  codeExample: `\`\`\`typescript
import { SecretBlock } from "ashlar/blocks/secret";

await new SecretBlock({ value: "sk-1234567890" }).save("BLOCK_NAME", { overwrite: true });

const secretBlock = await SecretBlock.load("BLOCK_NAME");

// The stored secret, in clear
const value = secretBlock.get();
\`\`\``,
  fields: {
    value: z.union([secret(), secret(z.union([z.string().meta({ title: "string" }), z.json().meta({ title: "JSON" })]))]).meta({
      description: "A value that should be kept secret.",
      examples: ["sk-1234567890", { username: "johndoe", password: "s3cr3t" }],
      format: "password",
      writeOnly: true,
    }),
  },
}) {
  /**
   * The value in clear, as it was stored. Prefect's `get()` parses a text that happens to be JSON; here `"123"` stays a text, and an object that
   * was stored as an object comes back as one.
   */
  get(): z.core.util.JSONType {
    return this.value.reveal();
  }
}
