/** What looks through gateways of tests for what must not be told finds it where it is. [X1] [X2] */
import { Logger } from '@nestjs/common';
import { startGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { Secrets } from '../../support/secrets.js';
import { ServiceProcess } from '../../support/service-process.js';
import { sign } from '../../support/tokens.js';

describe('a gateway of a test', () => {
  it('[X1] is found out when its record tells what was planted in headers and beside tokens', async () => {
    const gateway = await startGateway();
    await gateway.connect({ auth: { user: 'planted-and-never-told' } });
    await expect(gateway.close()).rejects.toThrow('the gateway tells a planted mark');
  });

  it('[X1] is found out when its record tells what a client or a backend has sent', async () => {
    const text = 'a name that is as long as a payload';
    const room = text.replaceAll(' ', '-');
    const byClient = await startGateway();
    const client = await byClient.connect();
    await client.request('room:join', { room });
    await client.request('room:emit', { room, event: 'x', args: [room] });
    await expect(byClient.close()).rejects.toThrow('the gateway tells a payload');
    const byBackend = await startGateway();
    await byBackend.connect({ auth: { user: text } });
    await byBackend.http('POST', '/v1/emit', { to: { all: true }, event: 'x', data: { deep: [text] } });
    await expect(byBackend.close()).rejects.toThrow('the gateway tells a payload');
  });

  it('[X1] tells nothing of what it is sent when all is well', async () => {
    const gateway = await startGateway();
    const client = await gateway.connect();
    await client.request('room:emit', { room: 'r', event: 'x', args: ['told to nobody but to the room'] });
    await gateway.close();
  });

  it('[X1] is found out when its log tells a token, a key or what was planted', async () => {
    const gateway = await startGateway();
    for (const secret of [
      await sign({ sub: 'ada' }),
      createApiKey('k', ['read']).key,
      'planted-and-never-told',
    ]) {
      new Logger('Test').log('something', { secret });
      expect(() => Secrets.assertNoneNoted()).toThrow('the log tells');
      expect(() => Secrets.assertNoneNoted()).not.toThrow();
    }
    await gateway.close();
  });

  it('[X1] may be a process, whose lines are looked through as well', async () => {
    // It names the keys that it does not know.
    const service = ServiceProcess.run([], { 'SWITCHBOARD_planted-and-never-told': 'x' });
    await service.ended;
    expect(() => Secrets.assertNoneNoted()).toThrow('the log tells a planted mark');
  });
});
