/** Bodies of polling requests and responses, in bytes: no TCP connection is a polling client's own, which would know them. */
export interface Bodies {
  bytesIn: number;
  bytesOut: number;
}

/** Of Engine.IO's polling transport, `onData` and `write` are private. */
interface PollingTransport {
  onData?(data: string | Buffer): void;
  write?(data: string | Buffer, options: unknown): void;
  [BODIES]?: Bodies;
}

const BODIES = Symbol('switchboard.bodies');

const classOf = (transport: PollingTransport): PollingTransport =>
  Object.getPrototypeOf(transport) as PollingTransport;

function onData(this: PollingTransport, data: string | Buffer): void {
  this[BODIES]!.bytesIn += Buffer.byteLength(data);
  classOf(this).onData!.call(this, data);
}

function write(this: PollingTransport, data: string | Buffer, options: unknown): void {
  this[BODIES]!.bytesOut += Buffer.byteLength(data);
  classOf(this).write!.call(this, data, options);
}

/**
 * Counts what a polling transport carries from now on.
 *
 * @returns the counts; `undefined` where the version of Engine.IO lacks what is used here, and nothing is counted
 */
export function countBodies(transport: object): Bodies | undefined {
  const counted = transport as PollingTransport;
  if (typeof counted.onData !== 'function' || typeof counted.write !== 'function') return undefined;
  const bodies: Bodies = { bytesIn: 0, bytesOut: 0 };
  counted[BODIES] = bodies;
  counted.onData = onData;
  counted.write = write;
  return bodies;
}
