/**
 * Which block class stands for a slug in this process: what `Block.load("slug/name")` and unions need. Touches definition.ts.
 *
 * JavaScript tells nobody that a class was extended, so a class is known from its first use on: an instance, a static call, a place as a field.
 * @module
 */
import { type AnyBlockClass, DEFINITION, isBlockClass } from "./definition.ts";
import { AshlarError } from "./errors.ts";
import { shared } from "./shared.ts";

const classes = shared("classes", () => new Map<string, AnyBlockClass>());
const known = shared("known-classes", () => new WeakSet<AnyBlockClass>());

/** Makes a class known. A later class of the same slug takes over; unless one extends the other, the process is warned. */
export function remember(cls: AnyBlockClass): void {
  if (known.has(cls)) return;
  known.add(cls);
  const { slug } = cls[DEFINITION];
  const before = classes.get(slug);
  if (before && !(cls.prototype instanceof before) && !(before.prototype instanceof cls)) {
    process.emitWarning(
      `Two block classes have the slug "${slug}", ${before.name} and ${cls.name}: Block.load("${slug}/…") makes the latter.`,
      "AshlarWarning",
    );
  }
  if (!(before?.prototype instanceof cls)) classes.set(slug, cls);
}

/**
 * The class for a slug.
 *
 * @param among classes to look at first.
 * @throws AshlarError `ERR_UNKNOWN_TYPE`
 */
export function classOf(slug: string, among: readonly unknown[] = []): AnyBlockClass {
  const given = among.filter(isBlockClass).find((cls) => cls[DEFINITION].slug === slug);
  const found = given ?? classes.get(slug);
  if (found) return found;
  throw new AshlarError(
    "ERR_UNKNOWN_TYPE",
    `No block class of this process has the slug "${slug}". Load with the class itself, X.load("name"), or name it: Block.load("${slug}/name", { classes: [X] }).`,
    { type: slug },
  );
}

/** Keeps a class that was made at run time from standing for its slug. */
export function keepApart(cls: AnyBlockClass): void {
  known.add(cls);
}
