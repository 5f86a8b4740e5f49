/** What is checked in installs anywhere: no registry's address, no path of a machine, every platform's packages in the lock file. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: readonly string[];
}
const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as { packages: Record<string, Locked> };

it("locks packages by version and digest, not by the address of a registry", () => {
  const addresses = Object.values(packages).flatMap(({ resolved }) => (resolved?.includes("://") ? [resolved] : []));
  expect(addresses).toEqual([]);
});

it("locks the optional packages of every platform, so that npm ci takes the file and others than its writer get theirs", () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => {
      const folders = path.split("/node_modules/").map((_, index, parts) => parts.slice(0, parts.length - index).join("/node_modules/"));
      return ![...folders, ""].some((folder) => `${folder === "" ? "" : `${folder}/`}node_modules/${name}` in packages);
    }),
  );
  expect(missing).toEqual([]);
});

it("names no registry and no path of a machine in any file", () => {
  const list = execFileSync("git", ["-c", "safe.directory=*", "ls-files", "-z"], { cwd: root, encoding: "utf8" }).split("\0");
  const address = new RegExp(["registry", "(npmjs|yarnpkg|npmmirror)"].join("\\."));
  const machine = new RegExp(["(^|[^\\w.])", "(home/[a-z]|Users/[A-Z])\\w*", ""].join("/"));
  const here = root.split("/").length > 2 ? root : undefined; // a folder right below / is too short a name to look for
  const bad = list
    .filter((file) => file !== "" && !file.startsWith("test/fixtures/") && existsSync(join(root, file)))
    .filter((file) => {
      const text = readFileSync(join(root, file), "utf8");
      return address.test(text) || machine.test(text) || (here !== undefined && text.includes(here));
    });
  expect(list).toContain("package.json");
  expect(bad).toEqual([]);
});
