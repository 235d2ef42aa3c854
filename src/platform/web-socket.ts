import type { Writable } from 'node:stream';

/** The stream of a WebSocket of `ws` that takes what comes in; `undefined` where a future version has none. */
export function receiverOf(webSocket: object): Writable | undefined {
  const { _receiver: receiver } = webSocket as { readonly _receiver?: Writable | null };
  return typeof receiver?.end === 'function' ? receiver : undefined;
}
