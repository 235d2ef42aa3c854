/** Engine.IO by hand: clients that keep a connection which a well-behaved library would close, and send what none sends. */
import { connect as connectTcp, type NetConnectOpts, type Socket as TcpSocket } from 'node:net';
import { EventQueue } from 'switchboard-gateway/testing';
import { WebSocket } from 'ws';

/** Engine.IO protocol: 3 is what 2.x clients speak. */
export type EngineProtocol = 3 | 4;

const PING = '2';
const PONG = '3';
/** Engine.IO's packet type, and Socket.IO's where there is one: `42["event"]` is `42`. */
const PACKET_TYPE = /^(?:4[0-6]|\d)/;
const RECORD_SEPARATOR = '\u001e';

const endpoint = (
  url: string,
  protocol: EngineProtocol,
  transport: string,
  query: Readonly<Record<string, string>>,
): string => `${url}/socket.io/?${new URLSearchParams({ EIO: String(protocol), transport, ...query })}`;

/** A WebSocket that keeps every frame and answers pings; it never closes by itself. */
export class RawWebSocket {
  /** Everything that came in, in order. */
  readonly frames: (string | Buffer)[] = [];
  /** Resolves with the close code, whoever closed. */
  readonly closed: Promise<number>;
  private readonly queue = new EventQueue();

  private constructor(
    private readonly webSocket: WebSocket,
    private readonly tcp: TcpSocket,
  ) {
    this.closed = new Promise((resolve) => webSocket.once('close', resolve));
    // A broken frame of ours makes the peer cut the connection; `closed` tells.
    webSocket.on('error', () => {});
    webSocket.on('message', (data: Buffer, isBinary: boolean) =>
      this.receive(isBinary ? data : String(data)),
    );
  }

  /** Opens the connection; a Socket.IO handshake is for the test to send. */
  static async open(
    url: string,
    { protocol = 4, query = {} }: { protocol?: EngineProtocol; query?: Record<string, string> } = {},
  ): Promise<RawWebSocket> {
    const tcp: TcpSocket[] = [];
    const webSocket = new WebSocket(endpoint(url.replace('http', 'ws'), protocol, 'websocket', query), {
      createConnection: ((options: NetConnectOpts) => {
        const socket = connectTcp(options);
        tcp.push(socket);
        return socket;
      }) as typeof connectTcp,
    });
    const raw = new RawWebSocket(webSocket, tcp[0]!);
    await raw.next('0');
    return raw;
  }

  /** Opens the connection and a socket on the default namespace. */
  static async connect(url: string, auth: Readonly<Record<string, unknown>> = {}): Promise<RawWebSocket> {
    const raw = await RawWebSocket.open(url);
    raw.send(`40${JSON.stringify(auth)}`);
    await raw.next('40');
    return raw;
  }

  /** Takes the next frame of this packet type, for example `42`. */
  async next(type: string): Promise<string> {
    const [frame] = await this.queue.next(type);
    return frame as string;
  }

  send(frame: string | Buffer): void {
    this.webSocket.send(frame);
  }

  /** Writes bytes past the WebSocket framing. */
  sendBytes(bytes: readonly number[]): void {
    this.tcp.write(Buffer.from(bytes));
  }

  close(): void {
    this.webSocket.close();
  }

  private receive(frame: string | Buffer): void {
    this.frames.push(frame);
    if (frame === PING) this.send(PONG);
    else if (typeof frame === 'string') this.queue.push(PACKET_TYPE.exec(frame)?.[0] ?? '?', [frame]);
  }
}

/** An answer to a poll or a post. */
export interface PollingAnswer {
  readonly status: number;
  readonly text: string;
}

/** Long-polling one request at a time: the gaps between its polls are under a test's control. */
export class RawPolling {
  private socketId: string | undefined;

  private constructor(
    private readonly endpoint: string,
    /** What the first answer held; with protocol 3 the socket's packets may be in it too. */
    readonly opening: string,
  ) {}

  static async open(
    url: string,
    { protocol = 4, query = {} }: { protocol?: EngineProtocol; query?: Record<string, string> } = {},
  ): Promise<RawPolling> {
    const first = await fetch(endpoint(url, protocol, 'polling', query));
    const opening = await first.text();
    const sid = /"sid":"([^"]+)"/.exec(opening)?.[1];
    if (sid === undefined) throw new Error(`no session in ${first.status} ${opening}`);
    return new RawPolling(endpoint(url, protocol, 'polling', { ...query, sid }), opening);
  }

  /** Opens the connection and a socket on the default namespace; no poll is under way when this resolves. */
  static async connect(url: string, auth: Readonly<Record<string, unknown>> = {}): Promise<RawPolling> {
    const raw = await RawPolling.open(url);
    await raw.post(`40${JSON.stringify(auth)}`);
    const connected = await raw.pollFor('40');
    raw.socketId = (JSON.parse(connected.slice(2)) as { sid: string }).sid;
    return raw;
  }

  /** The ID of the socket that {@link connect} opened. */
  get id(): string {
    if (this.socketId === undefined) throw new Error('no socket was opened on this connection');
    return this.socketId;
  }

  async poll(): Promise<PollingAnswer> {
    return answerOf(await fetch(this.endpoint));
  }

  /** Polls once: the packets as they stand on the wire, without pings. Protocol 4 only. */
  async packets(): Promise<string[]> {
    const { status, text } = await this.poll();
    if (status !== 200) throw new Error(`${status} ${text}`);
    return text.split(RECORD_SEPARATOR).filter((packet) => packet !== PING);
  }

  async post(body: string, contentType = 'text/plain;charset=UTF-8'): Promise<PollingAnswer> {
    return answerOf(
      await fetch(this.endpoint, { method: 'POST', body, headers: { 'content-type': contentType } }),
    );
  }

  /** Polls until a packet of this type came; the packet. Protocol 4 only. */
  private async pollFor(type: string): Promise<string> {
    for (;;) {
      const packet = (await this.packets()).find((each) => each.startsWith(type));
      if (packet !== undefined) return packet;
    }
  }

  /** Polls until the server does not know the session any longer: everything it said until then. */
  async pollUntilGone(): Promise<string> {
    let said = this.opening;
    for (;;) {
      const { status, text } = await this.poll();
      if (status !== 200) return said;
      said += RECORD_SEPARATOR + text;
    }
  }
}

const answerOf = async (response: Response): Promise<PollingAnswer> => ({
  status: response.status,
  text: await response.text(),
});
