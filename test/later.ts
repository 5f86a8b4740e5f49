/** Time that passes only for whoever looks at the clock. */
import { vi } from "vitest";

/** Runs when the clock of this process shows so many milliseconds more; timers go on as they do. */
export async function later<T>(milliseconds: number, work: () => Promise<T>): Promise<T> {
  vi.useFakeTimers({ now: Date.now() + milliseconds, toFake: ["Date"] });
  try {
    return await work();
  } finally {
    vi.useRealTimers();
  }
}
