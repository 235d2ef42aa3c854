/**
 * Whether something has to be waited for.
 *
 * Not `instanceof Promise`: queries of database libraries are thenables of their own kind, and an app may get promises
 * from another realm.
 */
export const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/**
 * Goes on with what some work gives, or with its failure: in the same turn where nothing has to be waited for.
 *
 * What most commands give is there at once, and each promise on the way to it costs as much as a part of the command.
 */
export function settle<Value, Result>(
  work: () => Value | Promise<Value>,
  onValue: (value: Value) => Result,
  onFailure: (failure: unknown) => Result,
): Result | Promise<Result> {
  let value: Value | Promise<Value>;
  try {
    value = work();
  } catch (failure) {
    return onFailure(failure);
  }
  return isPromiseLike(value) ? value.then(onValue, onFailure) : onValue(value);
}
