/**
 * TypeScript expressions as data: what one comes to and how it is written are made from the same tree, so that what was tried is what is written.
 * Touches json.ts's types only.
 * @module
 */
import type { Json } from "./json.ts";

/** An expression. */
export type Expression =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "member"; readonly of: Expression; readonly name: string }
  | { readonly kind: "call"; readonly of: Expression; readonly given: readonly Expression[] }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  /** `open`: each entry on a line of its own, however short. */
  | { readonly kind: "object"; readonly entries: readonly Entry[]; readonly open: boolean }
  | { readonly kind: "pattern"; readonly pattern: RegExp }
  | { readonly kind: "value"; readonly value: null | boolean | number | string }
  /** `() => …` */
  | { readonly kind: "later"; readonly of: Expression };

/** An entry of an object. */
export interface Entry {
  readonly key: string;
  readonly value: Expression;
  /** Comments above it, a line each. */
  readonly notes?: readonly string[];
  /** A getter, for what is declared further down. */
  readonly getter?: boolean;
}

/** A constant. */
export function value(of: null | boolean | number | string): Expression {
  return { kind: "value", value: of };
}

/** A variable. */
export function name(of: string): Expression {
  return { kind: "name", name: of };
}

/** `of.method(…)` */
export function call(of: Expression, method: string, ...given: Expression[]): Expression {
  return { kind: "call", of: { kind: "member", of, name: method }, given };
}

/** `name(…)` */
export function apply(of: string, ...given: Expression[]): Expression {
  return { kind: "call", of: name(of), given };
}

/** A list of expressions. */
export function list(items: readonly Expression[]): Expression {
  return { kind: "list", items };
}

/** An object of expressions. */
export function object(entries: readonly Entry[], open = false): Expression {
  return { kind: "object", entries, open };
}

/** A JSON value; undefined when JavaScript would read its text as something else, as `{ "__proto__": … }`. */
export function literal(json: Json): Expression | undefined {
  if (typeof json !== "object" || json === null) return value(json);
  const items = Object.entries(json).map(([key, item]) => ({ key, value: literal(item) }));
  if (items.some((item) => item.key === "__proto__" || item.value === undefined)) return undefined;
  return Array.isArray(json) ? list(items.map((item) => item.value as Expression)) : object(items as Entry[]);
}

/** Whether a name is used anywhere in an expression. */
export function uses(expression: Expression, used: string): boolean {
  switch (expression.kind) {
    case "name":
      return expression.name === used;
    case "member":
    case "later":
      return uses(expression.of, used);
    case "call":
      return uses(expression.of, used) || expression.given.some((each) => uses(each, used));
    case "list":
      return expression.items.some((each) => uses(each, used));
    case "object":
      return expression.entries.some((each) => uses(each.value, used));
    default:
      return false;
  }
}

/** What an expression comes to. @param scope what its names stand for */
export function evaluate(expression: Expression, scope: ReadonlyMap<string, unknown>): unknown {
  const inner = (each: Expression) => evaluate(each, scope);
  switch (expression.kind) {
    case "name":
      return scope.get(expression.name);
    case "member":
      return (inner(expression.of) as Record<string, unknown>)[expression.name];
    case "call":
      return invoke(expression, inner);
    case "list":
      return expression.items.map(inner);
    case "object":
      return expression.entries.reduce((made, { key, value, getter }) => {
        const property = getter ? { get: () => inner(value) } : { value: inner(value), writable: true };
        return Object.defineProperty(made, key, { ...property, enumerable: true, configurable: true });
      }, {});
    case "later":
      return () => inner(expression.of);
    default:
      return expression.kind === "pattern" ? expression.pattern : expression.value;
  }
}

function invoke({ of, given }: Extract<Expression, { kind: "call" }>, inner: (each: Expression) => unknown): unknown {
  const on = of.kind === "member" ? inner(of.of) : undefined;
  const callee = of.kind === "member" ? (on as Record<string, unknown>)[of.name] : inner(of);
  return Reflect.apply(callee as (...each: unknown[]) => unknown, on, given.map(inner));
}
