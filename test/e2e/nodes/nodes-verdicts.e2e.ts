/** Did this user get that publication? Every verdict, of a client at one node and a publisher at another. [X3] */
import { Cluster } from '../../support/cluster.js';
import { describeWithRedis } from '../../support/redis.js';
import { VERDICT_CASES, VERDICT_OPTIONS, verdictOf } from '../../support/verdicts.js';

describeWithRedis('the verdicts of two nodes', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start(VERDICT_OPTIONS);
  });
  afterAll(() => cluster?.close());

  it.each(VERDICT_CASES)('[X3] %s: %s', async (verdict, _, make) => {
    const places = { home: cluster.a, asked: cluster.b };
    expect(await verdictOf(places, await make(places), verdict)).toBe(verdict);
  });
});
