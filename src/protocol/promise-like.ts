/**
 * Whether something has to be waited for.
 *
 * Not `instanceof Promise`: queries of database libraries are thenables of their own kind, and an app may get promises
 * from another realm.
 */
export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
