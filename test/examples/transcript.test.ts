import { afterEach, expect, test } from "vitest";
import { Transcript } from "../../examples/bnt-hourly-traffic/transcript.ts";

const SECRET = "canary+value/with=signs";
let output = "";
const transcript = () =>
  new Transcript(
    () => [SECRET],
    (text) => void (output += text),
  );
afterEach(() => {
  output = "";
});

const bytes = Buffer.from(SECRET);
test.each([
  ["as it is", SECRET],
  ["in a URL", encodeURIComponent(SECRET)],
  ["in base64", bytes.toString("base64")],
  ["in base64url", bytes.toString("base64url")],
  ["in hexadecimal digits", bytes.toString("hex")],
])("a secret %s is not shown", (_, writing) => {
  expect(() => transcript().show(`before ${writing} after`)).toThrow("A secret was about to be shown");
  expect(output).toBe("");
});

test("a command that says a secret fails, and what it said is not shown", async () => {
  const running = transcript();
  running.set("CANARY", SECRET, "secret");
  await expect(running.run("npx node", "-p", "process.env.CANARY")).rejects.toThrow("A secret was about to be shown");
  await expect(running.run("npx node", "-e", "console.error(process.env.CANARY); process.exit(3)")).rejects.toThrow("A secret was about");
  expect(output).toContain("export CANARY=********");
  expect(output).not.toContain(SECRET);
});

test("a command is printed with what it says on both channels, and given back; a failing one ends the demo", async () => {
  const running = transcript();
  running.set("GREETING", "hello");
  expect(await running.run("npx node", "-e", "console.log(process.env.GREETING);console.error(2)")).toMatch(/^(hello\n2|2\nhello)\n$/);
  expect(output).toMatch(/\$ export GREETING=hello[\s\S]*\$ npx node -e .*\n[\s\S]*hello/);
  await expect(running.run("npx node", "-e", "process.exit(3)")).rejects.toThrow("exit code 3");
});
