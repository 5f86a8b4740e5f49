/**
 * The real Prefect and its collections, in a Python of the tests' own.
 * @module
 */
import { virtualEnvironment } from "./virtual-environment.ts";

/** FastAPI, Starlette and SQLAlchemy are held back: Prefect 3.8.8 does not run with newer ones. */
const PINS = [
  "prefect==3.8.8",
  "prefect-azure==0.4.13",
  "prefect-databricks==0.4.2",
  "prefect-aws==0.7.12",
  "fastapi==0.139.2",
  "starlette==1.0.1",
  "sqlalchemy<2.1",
];

/** The path of a Python that has them, made when it is not there. @throws Error when it cannot be made. */
export async function python(): Promise<string> {
  return virtualEnvironment("venv", PINS);
}
