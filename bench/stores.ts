#!/usr/bin/env node
/**
 * `npm run bench:stores`: each store beside the bare driver doing the same calls in the same run, and what sealing 100,000 documents anew costs.
 * @module
 */
import { rotation } from "./rotation.ts";
import { runFigures } from "./run.ts";
import { storeFigures } from "./store-figures.ts";
import { azureBlob, loadKeyVault } from "./stores-azure.ts";
import { file } from "./stores-file.ts";
import { postgres } from "./stores-postgres.ts";
import { sqlite } from "./stores-sqlite.ts";

await runFigures("npm run bench:stores", [...[sqlite, file, postgres, azureBlob].flatMap(storeFigures), loadKeyVault, ...rotation]);
