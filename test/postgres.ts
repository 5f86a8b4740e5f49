/**
 * A real PostgreSQL for the tests of a file: the one that TEST_POSTGRES_URL names (a superuser's, and it checks passwords), else one that is started for
 * them; without either they are skipped, and say why.
 * @module
 */
import { afterAll, beforeAll, describe } from "vitest";
import { missingPostgres, type OwnServer, type PostgresServer, serverAt, sqlAt, startPostgres } from "./postgres-server.ts";

const given = process.env.TEST_POSTGRES_URL;

/** `describe`, for tests that need a PostgreSQL: where none can be had they are skipped, and the title says why. */
export const describePostgres = describing(given === undefined ? missingPostgres : undefined);
/** The same for tests that stop it, or need it set up otherwise. */
export const describeOwnPostgres = describing(missingPostgres);

function describing(reason: string | undefined) {
  return (name: string, body: () => void) => (reason === undefined ? describe(name, body) : describe.skip(`${name} (${reason})`, body));
}

/** A server for the tests of a file, from the first test on. */
export function postgresForTests(): PostgresServer {
  const schemas: string[] = [];
  let own: OwnServer | undefined;
  const url = () => given ?? own?.url ?? "";
  beforeAll(async () => {
    if (given === undefined && missingPostgres === undefined) own = await startPostgres();
  });
  afterAll(async () => {
    if (given !== undefined) for (const schema of schemas) await sqlAt(given, `DROP SCHEMA IF EXISTS "${schema}" CASCADE`);
    await own?.end();
  });
  return serverAt(url, schemas);
}
