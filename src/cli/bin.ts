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
  void begin(process.argv.slice(2));
}

async function begin(argv: readonly string[]): Promise<void> {
  if (argv.includes("serve")) (await import("./small-heap.ts")).beginWithSmallHeap(); // first of all: what is loaded before is loaded twice
  const { main } = await import("./main.ts");
  await main(argv);
}
