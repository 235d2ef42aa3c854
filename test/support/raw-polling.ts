/** A long-polling client that does only what it is told: the gaps between its polls are under a test's control. */

const RECORD_SEPARATOR = '\u001e';

export class RawPollingClient {
  private constructor(
    private readonly address: string,
    /** The socket ID, as the gateway named it. */
    readonly id: string,
  ) {}

  /** Connects to the default namespace; no poll is under way when this resolves. */
  static async connect(url: string, auth: Readonly<Record<string, unknown>> = {}): Promise<RawPollingClient> {
    const endpoint = `${url}/socket.io/?EIO=4&transport=polling`;
    const opened = await (await fetch(endpoint)).text();
    const { sid } = JSON.parse(opened.slice(1)) as { sid: string };
    const address = `${endpoint}&sid=${sid}`;
    await fetch(address, { method: 'POST', body: `40${JSON.stringify(auth)}` });
    const [connected] = (await (await fetch(address)).text()).split(RECORD_SEPARATOR);
    if (!connected?.startsWith('40')) throw new Error('the handshake was refused');
    return new RawPollingClient(address, (JSON.parse(connected.slice(2)) as { sid: string }).sid);
  }

  /** Polls once and gives the packets as they stand on the wire, without pings. */
  async poll(): Promise<string[]> {
    const body = await (await fetch(this.address)).text();
    return body.split(RECORD_SEPARATOR).filter((packet) => packet !== '2');
  }

  async send(packet: string): Promise<void> {
    await fetch(this.address, { method: 'POST', body: packet });
  }
}
