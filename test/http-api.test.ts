/** docs/http-api.md: it has every route of our own API, with the right that it needs, and no other. */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { ROLES } from "../src/access-token.ts";
import { API_PATH } from "../src/api/shapes.ts";
import { errorCodes } from "../src/errors.ts";
import { ownRoutes } from "../src/server/own-routes.ts";
import { serving } from "./server/serving.ts";

const page = readFileSync("docs/http-api.md", "utf8");

it("has every route, and no other", async () => {
  const { app } = await serving({ routes: ownRoutes });
  const routes = app.routes
    .filter(({ path }) => path.startsWith(API_PATH))
    .map(({ method, path }) => `${method} ${path.slice(API_PATH.length).replaceAll(":uuid", "")}`);
  const documented = [...page.matchAll(/^\| `((?:GET|POST|PUT|PATCH|DELETE) [^`]+)` \|/gm)].map(([, route]) => route);
  expect(documented.toSorted()).toEqual(routes.toSorted());
  expect(page).toContain(API_PATH);
});

it("has every role with its rights", () => {
  const rows = Object.fromEntries(
    [...page.matchAll(/^\| `(\w+)` \|([^\n]*)\|$/gm)].map(([, role, cells]) => [
      role,
      cells?.split("|").map((cell) => cell.trim() === "yes"),
    ]),
  );
  for (const [role, rights] of Object.entries(ROLES))
    expect([role, rows[role]]).toEqual([
      role,
      ["see", "reveal", "write", "admin"].map((right) => (rights as readonly string[]).includes(right)),
    ]);
});

it("names no code that there is not", () => {
  for (const [code] of page.matchAll(/ERR_[A-Z_]+/g)) expect(Object.keys(errorCodes)).toContain(code);
});
