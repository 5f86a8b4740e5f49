/**
 * Keeps the memory of a server small. Touches the process itself: the command line's own affair, and no library's.
 *
 * V8 lets the heap of a busy process grow while memory is there, and fills it with requests that are over. How far it may grow V8 is told when it starts,
 * and no later: so the process begins again, with the same id, and with these two options. `npm run bench:server` measures what memory is left.
 * @module
 */

/** Each of the spaces that new objects go through takes 8 MiB at most; the old ones are looked through when they have grown by a third. */
const OPTIONS = ["--max-semi-space-size=8", "--heap-growing-percent=30"];

/** Begins this process again with a small heap; goes on as it is where that was done, where somebody has chosen a size, and where it cannot be. */
export function beginWithSmallHeap(): void {
  const { argv, env, execArgv, execPath, platform } = process;
  const chosen = /semi[-_]space/.test(`${execArgv.join(" ")} ${env.NODE_OPTIONS ?? ""}`);
  if (chosen || process.connected || platform === "win32") return; // a channel to the process above would be lost
  try {
    process.execve?.(execPath, [execPath, ...OPTIONS, ...execArgv, ...argv.slice(1)], env);
  } catch {
    // not allowed here: it serves all the same
  }
}
