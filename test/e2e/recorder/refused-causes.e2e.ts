/** Codes of refusals that have several causes: what is to be done follows from the one that was met. [X2] */
import { startGateway, type StartOptions, type TestGateway } from 'switchboard-gateway/testing';
import { createApiKey } from '../../../src/access/api-keys.js';
import { explain } from '../../support/explained.js';
import { SECRET, inSeconds, sign } from '../../support/tokens.js';

const { key, entry } = createApiKey('manager', ['read', 'manage']);
const headers = { authorization: `Bearer ${key}` };

describe('the finding "refused"', () => {
  let gateway: TestGateway | undefined;
  const begin = async (options: StartOptions = {}): Promise<TestGateway> =>
    (gateway = await startGateway({ jwtSecret: SECRET, apiKeys: entry, ...options }));
  afterEach(async () => gateway?.close());

  const tokenOf = (sub: string): Promise<string> => sign({ sub, iat: inSeconds(0), exp: inSeconds(600) });
  const refusedTo = async (here: TestGateway, user: string, token: string): Promise<string> => {
    await here.open({ auth: { token } }).next('connect_error');
    const { findings } = await explain(here, { user }, headers);
    return JSON.stringify(findings.find(({ id }) => id === 'refused'));
  };

  it.each([
    ['maxSocketsPerUser', 'SWITCHBOARD_MAX_SOCKETS_PER_USER', 'PER_IP'],
    ['maxSocketsPerIp', 'SWITCHBOARD_MAX_SOCKETS_PER_IP', 'PER_USER'],
    ['maxConnections', 'SWITCHBOARD_MAX_CONNECTIONS', 'MAX_SOCKETS'],
  ])('[X2] names the limit of sockets that was met: %s', async (limit, named, other) => {
    const here = await begin({ [limit]: 1 });
    const token = await tokenOf('ada');
    await here.connect({ auth: { token } });
    const told = await refusedTo(here, 'ada', token);
    expect(told).toContain(`raise ${named}`);
    expect(told).not.toContain(other);
  });

  it('[X2] tells a blocked user from revoked tokens, and when they were revoked', async () => {
    const here = await begin();
    await here.http('PUT', '/v1/users/eve/block', undefined, headers);
    const blocked = await refusedTo(here, 'eve', await tokenOf('eve'));
    expect(blocked).toContain('unblock the user');
    expect(blocked).not.toContain('issued after');
    await here.http('POST', '/v1/tokens/revoke', { user: 'ann', issuedBefore: inSeconds(60) }, headers);
    const revoked = await refusedTo(here, 'ann', await tokenOf('ann'));
    expect(revoked).toContain('issued after the revocation');
    expect(revoked).toMatch(/issued before \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z are revoked/);
    expect(revoked).not.toContain('unblock');
  });
});
