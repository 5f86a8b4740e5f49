#!/usr/bin/env node
/**
 * `npm run bench`: the figures of blocks and of the default store, each beside its floor.
 * @module
 */
import { chain50, list10k, load10k } from "./many.ts";
import { loadMemory, loadSqlite, saveSqlite } from "./one.ts";
import { coldLoad, tscBlock } from "./processes.ts";
import { runFigures } from "./run.ts";

await runFigures("npm run bench", [loadSqlite, loadMemory, coldLoad, list10k, load10k, chain50, saveSqlite, tscBlock]);
