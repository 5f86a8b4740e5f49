/**
 * How far long work has come, on one line of a terminal; nothing where standard error is none.
 * @module
 */

/** A line of progress. */
export interface Progress {
  /** Shows how far it has come, ten times a second at most. */
  at(done: number, total: number): void;
  /** Takes the line away. */
  end(): void;
}

/** Begins to show progress under a title. */
export function progress(title: string): Progress {
  const { stderr } = process;
  if (!stderr.isTTY) return { at: () => {}, end: () => {} };
  let shown = 0;
  return {
    at(done, total) {
      if (Date.now() - shown < 100) return;
      shown = Date.now();
      stderr.write(`\r\u001b[2K${title}: ${done} of ${total}`);
    },
    end: () => void stderr.write("\r\u001b[2K"),
  };
}
