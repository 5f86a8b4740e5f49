/**
 * A double of Cosmos DB: no emulator can be installed from a package registry. It answers in Cosmos DB's form, knows of one document in the container
 * `hourly` of the database `traffic`, and checks nothing.
 * @module
 */
import { httpServer, type TestServer } from "../http-server.ts";

/** Starts one that ends with the tests of the file. */
export async function cosmosDouble(documentId: string): Promise<TestServer> {
  const double = await httpServer(({ path }) => {
    const [body, status = 200] = content(path);
    return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  });
  function content(path: string): readonly [object, number?] {
    const here = [{ name: "here", databaseAccountEndpoint: double.origin }];
    switch (path) {
      case "/":
        return [
          {
            id: "mtademo",
            readableLocations: here,
            writableLocations: here,
            userConsistencyPolicy: { defaultConsistencyLevel: "Session" },
          },
        ];
      case "/dbs/traffic/colls/hourly":
        return [{ id: "hourly", _rid: "r", partitionKey: { paths: ["/plaza"], kind: "Hash" } }];
      case `/dbs/traffic/colls/hourly/docs/${documentId}`:
        return [{ id: documentId, vehicles: 7 }];
      default:
        return [{ code: "NotFound", message: "It is not here." }, 404];
    }
  }
  return double;
}
