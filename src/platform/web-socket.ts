import type { Writable } from 'node:stream';
import { WebSocket } from 'ws';

/** Takes the frames of a WebSocket as they leave: what is private in `ws` of a WebSocket. */
interface Sender {
  readonly _state?: number;
  readonly _firstFragment?: boolean;
  sendFrame?(parts: readonly Buffer[], sent?: Sent): void;
  close(code: number | undefined, reason: Reason, isMasked: boolean, sent: Sent): void;
}

interface WebSocketInternals {
  readonly readyState: number;
  readonly _isServer?: boolean;
  readonly _extensions?: Readonly<Record<string, unknown>>;
  readonly _receiver?: Writable | null;
  readonly _sender?: Sender;
}

type Sent = (error?: Error) => void;
type Reason = string | Uint8Array | undefined;

/** `ws`'s sender is neither compressing nor reading a blob, so nothing of its own is ahead of a frame. */
const SENDER_IDLE = 0;
const DEFLATE = 'permessage-deflate';

const inside = (webSocket: object): WebSocketInternals => webSocket as WebSocketInternals;

/** The stream of a WebSocket of `ws` that takes what comes in; `undefined` where a future version has none. */
export function receiverOf(webSocket: object): Writable | undefined {
  const receiver = inside(webSocket)._receiver;
  return typeof receiver?.end === 'function' ? receiver : undefined;
}

/**
 * The sender of an open WebSocket whose frames leave as they are made, unmasked and not compressed, where nothing is ahead
 * of a frame that is given to it now.
 */
function plainSenderOf(webSocket: object): Required<Sender> | undefined {
  const { readyState, _isServer, _extensions, _sender: sender } = inside(webSocket);
  const isPlain =
    readyState === WebSocket.OPEN &&
    _isServer === true &&
    _extensions !== undefined &&
    _extensions[DEFLATE] === undefined &&
    sender?._state === SENDER_IDLE &&
    sender._firstFragment === true &&
    typeof sender.sendFrame === 'function';
  return isPlain ? (sender as Required<Sender>) : undefined;
}

/** Sends a whole frame on a WebSocket; false where `ws` has to make it itself, and nothing was sent. */
export function sendFrame(webSocket: object, frame: Buffer, sent: Sent): boolean {
  const sender = plainSenderOf(webSocket);
  sender?.sendFrame([frame], sent);
  return sender !== undefined;
}

/** Close frames without a reason, by their code: what clients say that leave, and browsers whose page is left. */
const CLOSE_FRAMES: ReadonlyMap<number | undefined, Buffer> = new Map([
  [undefined, Buffer.from([0x88, 0])],
  ...[1000, 1001].map((code): [number, Buffer] => [code, Buffer.from([0x88, 2, code >> 8, code & 0xff])]),
]);

/** From now on a WebSocket that closes with one of the usual codes sends a frame that all of them share. */
export function shareCloseFrame(webSocket: object): void {
  const sender = plainSenderOf(webSocket);
  if (sender) sender.close = closeByShared;
}

function closeByShared(
  this: Sender,
  code: number | undefined,
  reason: Reason,
  isMasked: boolean,
  sent: Sent,
): void {
  const frame = reason === undefined || reason.length === 0 ? CLOSE_FRAMES.get(code) : undefined;
  if (frame && !isMasked && this._state === SENDER_IDLE) this.sendFrame!([frame], sent);
  else (Object.getPrototypeOf(this) as Sender).close.call(this, code, reason, isMasked, sent);
}

const ENDS_LATER = Symbol('switchboard.ends later');

/** Tells of the end of a WebSocket: what is private in `ws` of one. */
interface Ends {
  emitClose?(this: Ends): void;
  [ENDS_LATER]?: boolean;
}

/** Has all WebSockets of a class tell of their end when it is due: at once where that is true, and later by the function. */
export function tellOfEnds(kind: { readonly prototype: object }, due: (tell: () => void) => boolean): void {
  const prototype = kind.prototype as Ends;
  const { emitClose } = prototype;
  if (typeof emitClose !== 'function') return;
  prototype.emitClose = function (): void {
    if (due(() => emitClose.call(this))) emitClose.call(this);
    else this[ENDS_LATER] = true;
  };
}

/** Whether a WebSocket has ended, and has not told of it yet or only after its turn had come. */
export const endsLater = (webSocket: object): boolean => (webSocket as Ends)[ENDS_LATER] === true;
