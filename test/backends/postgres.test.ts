import { it } from "vitest";
import { openBackend } from "../../src/backends/postgres.ts";
import { backendConformance } from "../../src/testing.ts";
import { describePostgres as describe, postgresForTests } from "../postgres.ts";

const server = postgresForTests();
const open = () => openBackend(server.freshUrl(), { create: true });

backendConformance({ describe, it }, { name: "the PostgreSQL backend", open });
