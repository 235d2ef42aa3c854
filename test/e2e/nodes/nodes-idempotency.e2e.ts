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

  it('[M8] a client that sends again over the other node takes effect once', async () => {
    const cluster = await Cluster.start();
    const { a, b } = cluster;
    const room = 'orders';
    try {
      const member = await a.connect({ auth: { user: 'bob' } });
      const [one, two] = await Promise.all([a, b].map((node) => node.connect({ auth: { user: 'ada' } })));
      const other = await b.connect({ auth: { user: 'eve' } });
      for (const client of [member, one!, two!, other]) await client.request('room:join', { room });
      const order = { room, event: 'order', args: [1], id: 'order-1' };
      const answers = await Promise.all(
        [one!, two!, one!, two!].map((client) => client.request('room:emit', order)),
      );
      expect(answers.map(({ ok }) => ok)).toEqual([true, true, true, true]);
      expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
      const conflict = await two!.request('room:emit', { ...order, args: [2] });
      expect(conflict).toMatchObject({ ok: false, error: { code: 'idempotency.conflict' } });
      // Another user's is another one.
      expect(await other.request('room:emit', order)).toMatchObject({ ok: true });
      await emitTo(b, { rooms: [room] }, 'end');
      await member.next('end');
      expect(await recipientsOf('order', { member })).toEqual({ member: 2 });
    } finally {
      await cluster.close();
    }
  });
});
