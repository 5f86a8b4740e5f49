/**
 * A way to a real server on which the answer to a write is lost when a test says so: for the case of the published suite.
 * @module
 */
import type { Backend } from "../../src/backends/backend.ts";
import type { LosingBackend } from "../../src/testing.ts";
import { startTcpProxy } from "./tcp-proxy.ts";

/** @param writes what a write looks like on its way. @param open opens a backend by way of a port. */
export async function losing(
  target: { readonly port: number; readonly host?: string },
  writes: RegExp,
  open: (port: number) => Promise<Backend>,
): Promise<LosingBackend> {
  const proxy = await startTcpProxy(target);
  const waiting = new Set<number>();
  let [armed, lost] = [false, 0];
  proxy.toServer = (data, connection) => {
    if (armed && writes.test(data.toString())) {
      armed = false;
      waiting.add(connection);
    }
    return "pass";
  };
  proxy.toClient = (_data, connection) => {
    if (!waiting.delete(connection)) return "pass";
    lost++;
    return "cut";
  };
  return { backend: await open(proxy.port), lose: () => void (armed = true), lost: () => lost, close: () => proxy.close() };
}
