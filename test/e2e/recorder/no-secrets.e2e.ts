/** Nothing that was sent, no token, no session and nothing of another user is in any answer. [X1] [X2] [X6] */
import { startGateway, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { TOP_KINDS, TOP_MEASURES } from '../../../src/backend/explain.schemas.js';
import { breakOff, comeBack, sessionOf } from '../../support/recovering.js';
import { everythingIn, inSeconds, OTHER_SECRET, SECRET, sign } from '../../support/tokens.js';

describe('what explaining tells', () => {
  const reader = createApiKey('reader', ['read']);
  const operator = createApiKey('operator', ['read', 'emit', 'manage']);
  let gateway: TestGateway;
  /** All that must not be in any answer. */
  const secrets: string[] = ['canary'];
  const publications: string[] = [];
  const sockets: string[] = [];
  let traced = '';
  let endTrace: () => void;

  const headersOf = ({ key }: { readonly key: string }) => ({ authorization: `Bearer ${key}` });
  const ask = async (path: string, by = reader): Promise<string> => {
    const response = await fetch(`${gateway.url}${path}`, { headers: headersOf(by) });
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  };
  const tokenOf = async (sub: string, key?: string): Promise<string> => {
    const claims = { sub, caps: [everythingIn('*')], exp: inSeconds(600), info: { note: 'canary info' } };
    const token = await sign(claims, key === undefined ? {} : { key });
    secrets.push(token, token.split('.')[1]!, token.split('.')[2]!);
    return token;
  };
  const emit = async (body: object): Promise<void> => {
    const answer = await gateway.http('POST', '/v1/emit', body, headersOf(operator));
    publications.push(String(answer.body['id']));
  };

  beforeAll(async () => {
    gateway = await startGateway({
      jwtSecret: SECRET,
      apiKeys: `${reader.entry},${operator.entry}`,
      history: 'chat:*=10/1h',
    });
    secrets.push(reader.key, operator.key, SECRET);
    const abort = new AbortController();
    endTrace = () => abort.abort();
    const trace = await fetch(`${gateway.url}/v1/trace?user=ada`, {
      headers: headersOf(reader),
      signal: abort.signal,
    });
    void trace
      .body!.pipeThrough(new TextDecoderStream())
      .pipeTo(new WritableStream({ write: (chunk) => void (traced += chunk) }))
      .catch(() => undefined);
    const headers = { cookie: 'canary=cookie', 'x-canary': 'canary header' };
    const ada = await gateway.connect({
      auth: { token: await tokenOf('ada'), recovery: true, extra: 'canary auth' },
      client: { extraHeaders: headers, query: { q: 'canary query' } },
    });
    const bob = await gateway.connect({ auth: { token: await tokenOf('bob') } });
    sockets.push(ada.id!);
    for (const client of [ada, bob]) await client.request('room:join', { room: 'chat:1' });
    await bob.request('room:emit', { room: 'chat:1', event: 'hello', args: ['canary text'] });
    await ada.request('unheard', { canary: 'canary request' });
    await ada.request('room:join', { room: '', canary: 'canary' });
    await emit({ to: { rooms: ['chat:1'] }, event: 'news', args: [{ text: 'canary news' }] });
    await emit({ to: { users: ['ada'] }, event: 'ask', data: 'canary question', ack: { timeoutMs: 100 } });
    secrets.push(sessionOf(ada).pid!, ada.connectionId!);
    await breakOff(gateway, ada);
    await emit({ to: { users: ['ada'] }, event: 'news', data: 'canary later' });
    await comeBack(ada);
    secrets.push(ada.connectionId!);
    const forged = gateway.open({ auth: { token: await tokenOf('ada', OTHER_SECRET) } });
    await forged.next('connect_error');
    ada.emit('too large', 'canary'.repeat(50_000));
    await ada.next('disconnect');
  });
  afterAll(async () => {
    endTrace();
    await gateway?.close();
  });

  const clean = (path: string, text: string): void => {
    for (const secret of secrets) {
      // The path names which answer it was.
      if (text.includes(secret))
        throw new Error(`${path} tells ${secret.slice(0, 20)}: ${text.slice(0, 2_000)}`);
    }
  };

  it('[X1] [X2] [X3] [X5] has no payload, token, header or session in it', async () => {
    const paths = [
      '/v1/explain?user=ada',
      '/v1/explain?user=bob',
      '/v1/explain?address=127.0.0.1',
      ...sockets.map((socket) => `/v1/explain?socket=${socket}`),
      ...publications.flatMap((id) => [
        `/v1/explain?publication=${id}`,
        `/v1/explain?publication=${id}&user=ada`,
      ]),
      ...TOP_MEASURES.flatMap((by) => TOP_KINDS.map((of) => `/v1/top?by=${by}&of=${of}`)),
      '/console',
    ];
    for (const path of paths) clean(path, await ask(path));
    expect(await ask('/v1/explain?user=ada')).toContain('payload_too_large');
  });

  it('[X1] has nothing of another user in what it tells of one', async () => {
    expect(await ask('/v1/explain?user=ada')).not.toContain('"bob"');
    expect(await ask(`/v1/explain?socket=${sockets[0]}`)).not.toContain('"bob"');
  });

  it('[X6] traces without payloads, and with them for the scope manage alone', async () => {
    expect(traced).toContain('"type":"delivery"');
    expect(traced).toContain('"type":"disconnect"');
    clean('/v1/trace', traced);
    const asks = (by: typeof reader) =>
      fetch(`${gateway.url}/v1/trace?user=bob&payloads=true`, { headers: headersOf(by) });
    expect((await asks(reader)).status).toBe(403);
    const allowed = await asks(operator);
    expect(allowed.status).toBe(200);
    const lines = allowed.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('begun')) text += (await lines.read()).value ?? '';
    await emit({ to: { users: ['bob'] }, event: 'news', args: ['canary shown'] });
    while (!text.includes('canary shown')) text += (await lines.read()).value ?? '';
    await lines.cancel();
  });
});
