/**
 * A real Azurite for tests: the starter of the example, which ends its child even when this process is killed.
 * @module
 */
export { type Azurite, startAzurite } from "../examples/bnt-hourly-traffic/azurite.ts";
