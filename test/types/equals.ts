/** Type tests: exact equality of types. The first lines prove that it tells types apart, `any` above all. */

/** Whether two types are the very same; `any` is the same as nothing but `any`. */
export type Equals<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Whether a type is `any`. */
export type IsAny<T> = 0 extends 1 & T ? true : false;

/** Compiles where the type is `true`. */
export function holds<_T extends true>(): void {}

// biome-ignore lint/suspicious/noExplicitAny: it is what is looked for
type Any = any;

holds<Equals<{ readonly a: string }, { readonly a: string }>>();
// @ts-expect-error: types that differ
holds<Equals<string, number>>();
// @ts-expect-error: any is no string
holds<Equals<string, Any>>();
// @ts-expect-error: nor is a string any
holds<Equals<Any, string>>();
// @ts-expect-error: readonly counts
holds<Equals<{ readonly a: string }, { a: string }>>();
// @ts-expect-error: optional counts
holds<Equals<{ a?: string }, { a: string | undefined }>>();
holds<Equals<Any, Any>>();
holds<IsAny<Any>>();
// @ts-expect-error: unknown is no any
holds<IsAny<unknown>>();
// @ts-expect-error: nor is never
holds<IsAny<never>>();
