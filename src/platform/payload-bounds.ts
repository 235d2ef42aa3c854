/**
 * How many Engine.IO packets one polling payload may hold, in either direction.
 *
 * Engine.IO takes a payload apart as a whole before it looks at its first packet, and answers a poll with all that
 * waits. Both are private: where a future version has another shape nothing is bounded, and a test fails.
 */

/** Of what Engine.IO hands to a transport's parser. */
interface PayloadParser {
  decodePayload(payload: unknown, callback?: PacketCallback): unknown;
}

type PacketCallback = (packet: unknown, index: number, total: number) => unknown;

interface PollingTransport {
  readonly name: string;
  readonly protocol: number;
  writable: boolean;
  parser: PayloadParser;
  send(packets: unknown[]): void;
}

interface PollingConnection {
  readonly transport: PollingTransport;
  readonly readyState: string;
  readonly server: { emit(event: string, ...args: unknown[]): unknown };
  writeBuffer: unknown[];
  sentCallbackFn: unknown[];
  packetsFn: unknown[];
  flush(): void;
  emit(event: string, ...args: unknown[]): unknown;
  once(event: 'upgrade', listener: () => void): unknown;
}

const PARSER_ERROR = { type: 'error', data: 'parser error' };
const SEPARATOR = '\u001e';
const ENGINE_PROTOCOL_OF_V2 = 3;

/** By the stock parser and the number: one for all connections. */
const boundedParsers = new Map<PayloadParser, Map<number, PayloadParser>>();
const stockOf = new WeakMap<PayloadParser, PayloadParser>();

/** From now on a payload with more packets is a parser error, which ends the connection. No effect on other transports. */
export function boundPayloads(transport: unknown, maxPackets: number): void {
  const polling = transport as PollingTransport;
  if (polling.name !== 'polling') return;
  const stock = stockOf.get(polling.parser) ?? polling.parser;
  let byNumber = boundedParsers.get(stock);
  if (!byNumber) boundedParsers.set(stock, (byNumber = new Map<number, PayloadParser>()));
  let parser = byNumber.get(maxPackets);
  if (!parser) {
    const isV2 = polling.protocol === ENGINE_PROTOCOL_OF_V2;
    parser = { ...stock, decodePayload: isV2 ? decodeV2(stock, maxPackets) : decode(stock, maxPackets) };
    stockOf.set(parser, stock);
    byNumber.set(maxPackets, parser);
  }
  polling.parser = parser;
}

function decode(stock: PayloadParser, maxPackets: number): PayloadParser['decodePayload'] {
  return (payload) =>
    typeof payload === 'string' && hasMoreThan(payload, maxPackets)
      ? [PARSER_ERROR]
      : stock.decodePayload(payload);
}

function hasMoreThan(payload: string, maxPackets: number): boolean {
  let at = -1;
  for (let count = 0; count < maxPackets; count++) {
    at = payload.indexOf(SEPARATOR, at + 1);
    if (at < 0) return false;
  }
  return true;
}

/** Packets of protocol 3 come one by one; the parser stops when it is told `false`. */
function decodeV2(stock: PayloadParser, maxPackets: number): PayloadParser['decodePayload'] {
  return (payload, callback) => {
    let count = 0;
    return stock.decodePayload(payload, (packet, index, total) => {
      count++;
      if (count <= maxPackets) return callback?.(packet, index, total);
      if (count === maxPackets + 1) callback?.(PARSER_ERROR, index, total);
      return false;
    });
  };
}

/**
 * python-engineio takes at most 16 packets out of one answer, and ends the connection when there are more. One is left
 * for the word that closes the connection, which Engine.IO adds.
 */
const MAX_PACKETS_PER_ANSWER = 15;

/** From now on a poll is answered with a few packets at a time; the rest waits for the next poll. */
export function boundPollAnswers(connection: unknown): void {
  const polling = connection as PollingConnection;
  if (polling.transport.name !== 'polling' || !isFamiliar(polling)) return;
  polling.flush = flushSome;
  polling.once('upgrade', () => {
    // Not by removing it: V8 would keep the connection as a hash table from then on, twice as large and slow to read.
    if (polling.flush === flushSome) polling.flush = classOf(polling).flush;
  });
}

const classOf = (connection: PollingConnection): PollingConnection =>
  Object.getPrototypeOf(connection) as PollingConnection;

const isFamiliar = ({ flush, writeBuffer, sentCallbackFn, packetsFn }: PollingConnection): boolean =>
  typeof flush === 'function' &&
  Array.isArray(writeBuffer) &&
  Array.isArray(sentCallbackFn) &&
  Array.isArray(packetsFn);

/** As Engine.IO's own. The connection has drained, and may close if it is to, only when nothing waits any longer. */
function flushSome(this: PollingConnection): void {
  const { transport, writeBuffer } = this;
  if (transport.name !== 'polling' || writeBuffer.length <= MAX_PACKETS_PER_ANSWER) {
    classOf(this).flush.call(this);
    return;
  }
  if (this.readyState === 'closed' || !transport.writable) return;
  const some = writeBuffer.splice(0, MAX_PACKETS_PER_ANSWER);
  this.emit('flush', some);
  this.server.emit('flush', this, some);
  this.sentCallbackFn.push(null);
  transport.send(some);
}
