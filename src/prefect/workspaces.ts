/**
 * The workspaces of Prefect Cloud that a key may use (protocol.md §1.8). Touches the client. Never seen against Cloud itself: the documented shape.
 * @module
 */
import { z } from "zod";
import { type Call, openClient } from "./client.ts";
import { unreadable } from "./failures.ts";
import type { PrefectSettings } from "./settings.ts";

/** A workspace. */
export interface Workspace {
  readonly id: string;
  /** `account/workspace`, as people call it. */
  readonly handle: string;
}

const shape = z.array(z.object({ workspace_id: z.string(), workspace_handle: z.string(), account_handle: z.string() }));

/** All workspaces that the login may use. @throws AshlarError as a call does */
export async function workspaces(settings: PrefectSettings): Promise<Workspace[]> {
  const client = await openClient({ ...settings, apiUrl: settings.cloudUrl });
  try {
    const call: Call = { method: "GET", path: "/me/workspaces", effect: "read" };
    const { data } = shape.safeParse((await client.call(call)).body);
    if (!data) throw unreadable(client.settings, call, "it is no list of workspaces");
    return data.map((each) => ({ id: each.workspace_id, handle: `${each.account_handle}/${each.workspace_handle}` }));
  } finally {
    client.close();
  }
}
