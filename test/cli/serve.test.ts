import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it, onTestFinished } from "vitest";
import { generateKey, keyText } from "../../src/vaults/keyring.ts";
import type { Body } from "../server/subject.ts";
import { newToken, serve } from "./served.ts";
import { Workplace } from "./workplace.ts";

const CERTIFICATE = fileURLToPath(new URL("../prefect/localhost.pem", import.meta.url));
const TLS = `--tls-cert ${CERTIFICATE} --tls-key ${CERTIFICATE.replace(".pem", "-key.pem")}`;

async function ready(): Promise<Workplace> {
  const place = new Workplace();
  await place.run("init");
  return place;
}

describe("ashlar serve", () => {
  it("says where it listens, which store and key it uses, what to paste, and that nobody can come in yet; SIGTERM ends it well", async () => {
    const place = await ready();
    const { child, ended } = place.start("serve --port 0");
    child.stdout?.on("data", (data) => String(data).includes("Ctrl+C") && child.kill("SIGTERM"));
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(0);
    const url = /http:\/\/127\.0\.0\.1:\d+/.exec(stdout)?.[0] ?? "";
    expect(
      place
        .steady(stdout)
        .replaceAll(url, "URL")
        .replaceAll(/[0-9a-f]{8} seals/g, "KEY seals")
        .split("\n"),
    ).toEqual([
      "Listening   URL",
      "Store       sqlite:~/data/ashlar/ashlar.db",
      "Key         the key file ~/config/ashlar/keys; KEY seals",
      "Audit log   ~/data/ashlar/audit.jsonl",
      "Python      export PREFECT_API_URL=URL/api PREFECT_API_AUTH_STRING=TOKEN",
      "TypeScript  export ASHLAR_STORE=URL ASHLAR_TOKEN=TOKEN",
      "",
      "Put an access token in the place of TOKEN. Ctrl+C stops.",
      "Stopped.",
      "",
    ]);
    expect(stderr).toBe('Nobody can come in yet: "ashlar token create NAME --role admin" makes an access token.\n');
  });

  it.runIf(process.platform === "linux")("keeps its heap small, unless somebody has chosen another size", async () => {
    const place = await ready();
    const heapOf = async (environment: Record<string, string>) => {
      const { child } = await serve(place, "", environment);
      const options = /--\S*semi-space\S*/.exec(readFileSync(`/proc/${child.pid}/cmdline`, "utf8").replaceAll("\0", " "))?.[0];
      child.kill("SIGTERM");
      return options;
    };
    expect(await heapOf({})).toBe("--max-semi-space-size=8");
    expect(await heapOf({ NODE_OPTIONS: "--max-semi-space-size=16" })).toBeUndefined();
  });

  it("lets in whoever has a token, keeps what it was told, and writes down who did what", async () => {
    const place = await ready();
    const token = await newToken(place, "admin");
    const { shown, client, child, ended } = await serve(place);
    const admin = client(token);
    expect((await admin.get("/admin/version")).body).toBe("3.99.0");
    const types = (await admin.post("/block_types/filter")).body as Body[];
    expect(types.map(({ slug, is_protected }) => [slug, is_protected])).toEqual([
      ["local-file-system", true],
      ["secret", true],
      ["webhook", true],
    ]);
    const [schema] = (await admin.post("/block_schemas/filter", { block_schemas: { block_type_id: { any_: [types[1].id] } } }))
      .body as Body[];
    const body = { name: "x", data: { value: "s3cr3t" }, block_type_id: types[1].id, block_schema_id: schema.id };
    expect((await admin.post("/block_documents/", body)).status).toBe(201);
    child.kill("SIGINT");
    expect(await ended).toMatchObject({ code: 0, stderr: "" });
    expect((await place.run("get secret/x value --reveal")).stdout).toBe("s3cr3t\n");
    const audit = readFileSync(shown.audit, "utf8");
    expect(audit).toContain('"who":"admin"');
    expect(audit).not.toContain("s3cr3t");
    expect((await place.run("audit verify")).code).toBe(0);
    const second = await serve(place);
    expect((await second.client(token).post("/block_types/filter")).body).toEqual(types); // a start changes nothing, times neither
    const third = await serve(place, "--no-system-types --like-prefect --audit other.jsonl");
    expect((await third.client(token).get("/csrf-token?client=x")).status).toBe(422);
    expect(readFileSync(join(place.folder, "other.jsonl"), "utf8")).toContain('"begin"');
  });

  it("--no-system-types begins with none; asked for, they are there", async () => {
    const place = await ready();
    const { client } = await serve(place, "--no-system-types");
    const admin = client(await newToken(place, "admin"));
    expect((await admin.post("/block_types/filter")).body).toEqual([]);
    expect(await admin.post("/block_types/install_system_block_types")).toMatchObject({ status: 200, body: null });
    expect((await admin.post("/block_types/filter")).body).toHaveLength(3);
  });

  it("over TLS listens elsewhere, and not without", async () => {
    const place = await ready();
    for (const refused of [
      "--host 0.0.0.0",
      "--host 192.0.2.1",
      "--host example.com",
      `--tls-cert ${CERTIFICATE}`,
      "--port 70000",
      "--port x",
      "--max-body 1",
    ])
      expect([refused, (await place.run(`serve --port 0 ${refused}`)).code]).toEqual([refused, 64]);
    const { shown } = await serve(place, `--host 0.0.0.0 --allow-host localhost ${TLS}`);
    expect(shown.typescript).toMatch(/^export ASHLAR_STORE=https:\/\/localhost:\d+ /);
    const { port } = new URL(shown.url);
    const answer = await new Promise<{ status: number; sts: unknown }>((done, failed) => {
      const options = {
        host: "127.0.0.1",
        port,
        path: "/api/health",
        ca: readFileSync(CERTIFICATE),
        servername: "localhost",
        headers: { host: "localhost" },
      };
      request(options, (response) =>
        done({ status: response.resume().statusCode ?? 0, sts: response.headers["strict-transport-security"] }),
      )
        .on("error", failed)
        .end();
    });
    expect(answer).toEqual({ status: 200, sts: "max-age=31536000" });
  });

  it("behind a proxy goes by the proxy's name, and takes of it where requests come from", async () => {
    const place = await ready();
    const token = await newToken(place, "admin");
    const { shown, client } = await serve(place, "--behind-proxy --host 0.0.0.0 --allow-host blocks.example");
    expect(shown.python).toBe("export PREFECT_API_URL=https://blocks.example/api PREFECT_API_AUTH_STRING=TOKEN");
    const admin = client(token);
    const forwarded = { "x-forwarded-for": "198.51.100.1, 203.0.113.9" };
    expect((await admin.post("/block_types/", { name: "n", slug: "n" }, forwarded)).status).toBe(201);
    expect(readFileSync(shown.audit, "utf8")).toContain('"from":"203.0.113.9"');
  });

  it("does not start without the right key, or with an address that it cannot have", async () => {
    const place = await ready();
    place.write(
      "blocks.ts",
      'import { Block, secret } from "ashlar";\nexport class Part extends Block.define({ name: "Part", fields: { a: secret() } }) {}\n',
    );
    await place.run("register blocks.ts");
    const other = keyText(generateKey());
    const wrong = async (environment: Record<string, string>) => {
      const { code, stdout, stderr } = await place.run("serve --port 0", environment);
      return [code, stdout, place.steady(stderr)];
    };
    const sealed = [
      77,
      "",
      expect.stringMatching(/^error: The store is sealed with [0-9a-f]{8}; .* holds [0-9a-f]{8}\. Bring the right key/),
    ];
    expect(await wrong({ ASHLAR_KEYS: other })).toEqual(sealed);
    expect(await wrong({ ASHLAR_KEY_FILE: join(place.folder, "none") })).toEqual([77, "", expect.stringContaining("none")]);
    await place.feed("a: s3cr3t", "create part/x");
    expect(await wrong({ ASHLAR_KEYS: other })).toEqual([77, "", expect.stringMatching(/part\/x/)]);
    const taken = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void taken.close());
    await new Promise((listening) => taken.once("listening", listening));
    const { port } = taken.address() as AddressInfo;
    expect(await place.run(`serve --port ${port}`)).toMatchObject({
      code: 77,
      stderr: expect.stringContaining("something listens there already"),
    });
    expect(await place.run("serve --port 0 --tls-cert none.pem --tls-key none.pem")).toMatchObject({
      code: 77,
      stderr: expect.stringContaining("none.pem"),
    });
    expect(await place.run("serve --port 0 --token-env NOT_SET")).toMatchObject({ code: 77, stderr: expect.stringContaining("NOT_SET") });
    expect((await place.run("serve --port 0 --store sqlite:none.db")).code).toBe(69);
  });

  it("takes one token of the environment, for containers", async () => {
    const place = await ready();
    const token = "0123456789abcdef".repeat(4);
    const { client, child, ended } = await serve(place, "--token-env MY_TOKEN", { MY_TOKEN: token });
    expect((await client(token).get("/version")).status).toBe(200);
    expect((await client(`${token}0`).get("/version")).status).toBe(401);
    child.kill("SIGTERM");
    expect((await ended).stderr).toBe("");
  });

  it("serves a store of memory, which ends with it", async () => {
    const place = new Workplace();
    const token = "0123456789abcdef".repeat(4);
    const { shown, client } = await serve(place, "--store memory: --audit audit.jsonl --token-env MY_TOKEN", { MY_TOKEN: token });
    expect(shown.keys).toBeNull();
    expect((await client(token).post("/block_types/filter")).body).toHaveLength(3);
  });
});
