import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { startAzurite } from "../../examples/bnt-hourly-traffic/azurite.ts";

const answers = (endpoint: string) =>
  fetch(endpoint).then(
    () => true,
    () => false,
  );

test("stops when asked, and another one has another key", async () => {
  const [one, other] = await Promise.all([startAzurite(), startAzurite("otheraccount")]);
  expect(one.key).not.toBe(other.key);
  expect(other.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/otheraccount$/);
  expect([await answers(one.endpoint), await answers(other.endpoint)]).toEqual([true, true]);
  await Promise.all([one.stop(), other.stop()]);
  expect([await answers(one.endpoint), await answers(other.endpoint)]).toEqual([false, false]);
});

test("ends with the process that started it, even when that one is killed", async () => {
  const module = new URL("../../examples/bnt-hourly-traffic/azurite.ts", import.meta.url);
  const program = `const { startAzurite } = await import(${JSON.stringify(module.href)}); console.log((await startAzurite()).endpoint)`;
  const parent = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(parent.stdout, "data")) as [Buffer];
  const endpoint = line.toString().trim();
  expect(await answers(endpoint)).toBe(true);
  parent.kill("SIGKILL");
  for (let tries = 0; tries < 50 && (await answers(endpoint)); tries++) await sleep(100);
  expect(await answers(endpoint)).toBe(false);
});
