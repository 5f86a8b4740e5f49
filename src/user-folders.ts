/**
 * Where this user's data and keys lie unless told otherwise. Touches the environment.
 * @module
 */
import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** Path of the key file: `ASHLAR_KEY_FILE`, else `keys` in the user's configuration folder. */
export function keyFilePath(): string {
  return resolve(process.env.ASHLAR_KEY_FILE || join(userFolders().config, "keys"));
}

/** Path of the audit log of `ashlar serve`: `ASHLAR_AUDIT_LOG`, else `audit.jsonl` in the user's data folder. */
export function auditLogPath(): string {
  return resolve(process.env.ASHLAR_AUDIT_LOG || join(userFolders().data, "audit.jsonl"));
}

/** The user's folders for data and configuration, never the same one: XDG's, and what macOS and Windows use. */
export function userFolders(): { data: string; config: string } {
  const home = homedir();
  if (process.platform === "darwin")
    return { data: join(home, "Library", "Application Support", "ashlar"), config: join(home, "Library", "Preferences", "ashlar") };
  if (process.platform === "win32") {
    const { LOCALAPPDATA = join(home, "AppData", "Local"), APPDATA = join(home, "AppData", "Roaming") } = process.env;
    return { data: join(LOCALAPPDATA, "ashlar", "Data"), config: join(APPDATA, "ashlar", "Config") };
  }
  const { XDG_DATA_HOME, XDG_CONFIG_HOME } = process.env;
  return {
    data: join(XDG_DATA_HOME || join(home, ".local", "share"), "ashlar"),
    config: join(XDG_CONFIG_HOME || join(home, ".config"), "ashlar"),
  };
}
