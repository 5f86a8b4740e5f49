#!/usr/bin/env node
/**
 * The command `ashlar`. Looks at Node's version before anything is loaded that an older Node could not read; so nothing is imported up here.
 * @module
 */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major < 24 || (major === 24 && minor < 15)) {
  process.stderr.write(`ashlar needs Node 24.15 or newer; this is ${process.version}.\n`);
  process.exitCode = 1;
} else {
  void import("./main.ts").then(({ main }) => main(process.argv.slice(2)));
}
