import { setTimeout as delay } from 'node:timers/promises';

const SOCKETS = 500;
const QUICK_SOCKETS = 100;
const PUBLICATIONS = 1_000;
const QUICK_PUBLICATIONS = 100;
const QUIET_MS = 4_000;
const MISSED = 10;

/** @typedef {import('../support/redis-server.js').RedisUse} RedisUse */

/** @type {import('./index.js').NodesScenario} */
export default {
  name: 'nodes-redis',
  title: 'Two nodes: what a Redis does for one operation, less what it does when nothing happens',
  unit: 'per operation',
  better: 'lower',
  peers: ['webhooks-unsent', 'switchboard'],
  nodes: true,
  matrix: true,
  secured: true,
  history: 'kept=1000/1h',
  connections: ({ quick }) => 2 * (quick ? QUICK_SOCKETS : SOCKETS),
  async run({ a, b, load, redis, targets, quick, connections }) {
    const half = connections >> 1;
    /** @type {Record<string, number>} */
    const result = {};
    const zero = { cpuMicros: 0, commands: 0, scripts: 0, bytesIn: 0, bytesOut: 0, memory: 0 };
    let quiet = zero;

    /**
     * @param {string} title
     * @param {number} count how often the work does what the title says
     * @param {() => Promise<unknown>} work
     */
    const measure = async (title, count, work) => {
      const begun = performance.now();
      const before = await redis.use();
      const returned = await work();
      const after = await redis.use();
      const seconds = (performance.now() - begun) / 1000;
      const of = (/** @type {keyof RedisUse} */ name) =>
        (after[name] - before[name] - quiet[name] * seconds) / count;
      result[`${title}: Redis CPU, µs`] = of('cpuMicros');
      result[`${title}: scripts`] = of('scripts');
      result[`${title}: commands`] = of('commands');
      result[`${title}: bytes to Redis`] = of('bytesIn');
      result[`${title}: bytes from Redis`] = of('bytesOut');
      result[`${title}: Redis memory, bytes`] = of('memory');
      return returned;
    };
    const perSecond = async () => {
      const begun = performance.now();
      const before = await redis.use();
      await delay(QUIET_MS);
      const after = await redis.use();
      const seconds = (performance.now() - begun) / 1000;
      const of = (/** @type {keyof RedisUse} */ name) => (after[name] - before[name]) / seconds;
      return {
        cpuMicros: of('cpuMicros'),
        commands: of('commands'),
        scripts: of('scripts'),
        bytesIn: of('bytesIn'),
        bytesOut: of('bytesOut'),
        memory: 0,
      };
    };
    // What the first of everything costs is not to count: a socket of its own connects and joins before.
    await load.call('open', { ...targets.b, count: 10, users: 1_000_000 });
    await measure('a second of two nodes without work', 1, async () => {
      quiet = await perSecond();
    });
    for (const name of Object.keys(result)) delete result[name];
    result['a second of a quiet node: Redis CPU, µs'] = quiet.cpuMicros / 2;
    result['a second of a quiet node: commands'] = quiet.commands / 2;
    result['a second of a quiet node: bytes to Redis'] = quiet.bytesIn / 2;
    result['a second of a quiet node: bytes from Redis'] = quiet.bytesOut / 2;

    const open = (/** @type {object} */ more) =>
      load.call('open', { ...targets.b, count: half, users: 1_000_000, ...more });
    const plain = (await measure('connect', half, () => open({}))).slice(-half);
    const recovering = (
      await measure('connect that can recover', half, () => open({ recovers: true }))
    ).slice(-half);
    const join = (/** @type {string[]} */ ids, /** @type {string} */ room) =>
      b.call('join', { pairs: ids.map((id) => [id, room]) });
    await measure('join', half, () => join(plain, 'plain'));
    await measure('join of a room with history by a socket that can recover', half, () =>
      join(recovering, 'kept'),
    );
    await join(plain, 'kept-by-none');
    await join(recovering, 'wanted');

    const publications = quick ? QUICK_PUBLICATIONS : PUBLICATIONS;
    for (const [title, room] of /** @type {const} */ ([
      ['plain room', 'plain'],
      ['room that sessions want', 'wanted'],
      ['room with history', 'kept'],
    ])) {
      for (const perTurn of [1, 10]) {
        const publish = async (/** @type {number} */ count) => {
          for (let done = 0; done < count; done += perTurn) {
            await a.call('broadcast', { perTurn, rooms: [room] });
            await load.call('received', { count: perTurn * half });
          }
        };
        await publish(perTurn * 5);
        await measure(`publication, ${title}, ${perTurn} a turn`, publications, () => publish(publications));
      }
    }
    await load.call('breakAll');
    await a.call('broadcast', { perTurn: MISSED, rooms: ['kept'] });
    await measure(`claim of a session with ${MISSED} missed`, half, async () => {
      await load.call('resumeAll', { ...targets.b, concurrency: 20 });
      await load.call('received', { count: half * MISSED });
    });
    return result;
  },
};
