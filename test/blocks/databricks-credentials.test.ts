/** `DatabricksCredentials` take exactly one way to authenticate, by the rules of the Python class. */
import { DatabricksCredentials } from "ashlar/blocks/databricks-credentials";
import { expect, it } from "vitest";
import { CANARY } from "./samples.ts";

type Input = Omit<ConstructorParameters<typeof DatabricksCredentials>[0], "databricksInstance">;
const make = (input: Input) => new DatabricksCredentials({ databricksInstance: "dbc.cloud.databricks.com", ...input });

it.each<Input>([
  { token: CANARY },
  { clientId: "id", clientSecret: CANARY },
  { clientId: "id", clientSecret: CANARY, tenantId: "tenant" },
  { token: CANARY, clientId: "", clientSecret: "" },
  { token: "", clientId: "id", clientSecret: CANARY },
])("takes one way to authenticate (%#)", (input) => {
  expect(make(input).databricksInstance).toBe("dbc.cloud.databricks.com");
});

it.each<[Input, RegExp]>([
  [{}, /there is no way to authenticate/],
  [{ token: "" }, /there is no way to authenticate/],
  [{ tenantId: "tenant" }, /there is no way to authenticate/],
  [{ token: CANARY, clientId: "id", clientSecret: CANARY }, /token: has two ways to authenticate/],
  [{ token: CANARY, clientId: "id" }, /token: has two ways/],
  [{ clientId: CANARY }, /clientSecret: is missing/],
  [{ clientSecret: CANARY }, /clientId: is missing/],
])("refuses none, two and halves, without a value (%#)", (input, message) => {
  expect(() => make(input)).toThrow(message);
  expect(() => make(input)).not.toThrow(CANARY);
});
