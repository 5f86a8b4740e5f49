import { it } from "vitest";
import { openBackend } from "../../src/backends/postgres.ts";
import { backendConformance } from "../../src/testing.ts";
import { losing } from "../faults/losing.ts";
import { describePostgres as describe, postgresForTests } from "../postgres.ts";

const server = postgresForTests();
const open = () => openBackend(server.freshUrl(), { create: true });
const openLosing = () => {
  const { hostname, port } = new URL(server.url);
  const through = (proxy: number) => openBackend(server.urlWith({ host: `127.0.0.1:${proxy}` }, server.freshUrl()), { create: true });
  return losing({ host: hostname, port: Number(port || 5432) }, /INSERT INTO|UPDATE|DELETE FROM/, through);
};

backendConformance({ describe, it }, { name: "the PostgreSQL backend", open, losing: openLosing });
