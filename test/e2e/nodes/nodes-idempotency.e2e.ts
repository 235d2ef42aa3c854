import { recipientsOf } from '../../support/arrivals.js';
import { Cluster, emitTo } from '../../support/cluster.js';
import { describeWithRedis } from '../../support/redis.js';

describeWithRedis('an idempotency key on two nodes', () => {
  it('[D7] a request that is repeated on the other node takes effect once', async () => {
    const cluster = await Cluster.start();
    const { a, b } = cluster;
    try {
      const bob = await b.connect({ auth: { user: 'bob' } });
      const body = { to: { users: ['bob'] }, event: 'invoice', args: [7] };
      const key = { 'idempotency-key': 'invoice-7' };
      const answers = await Promise.all([a, b, a, b].map((node) => node.http('POST', '/v1/emit', body, key)));
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
      expect(new Set(answers.map(({ body: given }) => JSON.stringify(given))).size).toBe(1);
      await emitTo(a, { users: ['bob'] }, 'end');
      await bob.next('end');
      expect(await recipientsOf('invoice', { bob })).toEqual({ bob: 1 });
      const other = await b.http('POST', '/v1/emit', { ...body, args: [8] }, key);
      expect([other.status, other.body['code']]).toEqual([409, 'idempotency.conflict']);
    } finally {
      await cluster.close();
    }
  });
});
