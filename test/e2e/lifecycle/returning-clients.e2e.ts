import { once } from 'node:events';
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { WebSocket } from 'ws';

const ABNORMAL = 1006;
const WITHOUT_CODE = 1005;

/** Asks as a client with this User-Agent does; a text is posted. */
async function ask(url: string, userAgent: string, body?: string): Promise<{ status: number; text: string }> {
  const answer = await fetch(url, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { 'user-agent': userAgent, 'content-type': 'text/plain' },
    ...(body === undefined ? {} : { body }),
  });
  return { status: answer.status, text: await answer.text() };
}

describe('a client that is sent away to come back', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(async () => {
    await gateway?.close();
  });

  it.each([
    ['okhttp/3.12.12', ABNORMAL],
    ['WebSocket++/0.8.2', ABNORMAL],
    ['Mozilla/5.0', WITHOUT_CODE],
  ])(
    '[L7] by WebSocket as %s sees the connection close with %d, after the goodbye',
    async (userAgent, code) => {
      const user = `by-websocket-${userAgent.length}`;
      const url = `${gateway.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`;
      const client = new WebSocket(url, { headers: { 'user-agent': userAgent } });
      const texts: string[] = [];
      const connected = new Promise<void>((resolve) => {
        client.on('message', (data: Buffer) => {
          const text = data.toString();
          texts.push(text);
          if (text.startsWith('0')) client.send(`40{"user":"${user}"}`);
          if (text.startsWith('40')) resolve();
        });
      });
      await connected;

      const closed = once(client, 'close');
      await gateway.http('DELETE', `/v1/users/${user}/sockets?reconnect=true`);
      expect((await closed)[0]).toBe(code);
      expect(texts.at(-1)).toContain('server:disconnect');
    },
  );

  it.each([
    ['python-requests/2.34.2', false],
    ['', false],
    ['Mozilla/5.0', true],
  ])('[L7] by polling as "%s" is sent the packet CLOSE: %s', async (userAgent, isSent) => {
    const user = `by-polling-${userAgent.length}`;
    const base = `${gateway.url}/socket.io/?EIO=4&transport=polling`;
    const opened = await ask(base, userAgent);
    const { sid } = JSON.parse(opened.text.slice(1)) as { sid: string };
    const url = `${base}&sid=${sid}`;
    await ask(url, userAgent, `40{"user":"${user}"}`);
    await ask(url, userAgent);

    const ending = gateway.http('DELETE', `/v1/users/${user}/sockets?reconnect=true`);
    const packets: string[] = [];
    for (;;) {
      const { status, text } = await ask(url, userAgent);
      if (status !== 200) break;
      packets.push(...text.split('\u001e'));
      if (packets.includes('1')) break;
    }
    await ending;
    expect(packets.some((packet) => packet.includes('server:disconnect'))).toBe(true);
    expect(packets.includes('1')).toBe(isSent);
  });
});
