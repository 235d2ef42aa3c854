/** Which engine the gateways of this run have when a test names none, and how a test says that it is about one. */
import { TestRedis } from './redis.js';

/** More than the gateways of any one file. */
const DATABASES = 1_024;

let isRedis = false;
let redis: TestRedis | undefined;
let databasesGiven = 0;

/** For the setup of a run: gateways of this file get databases of a Redis that it has for itself. */
export function runOnRedis(): void {
  isRedis = true;
  databasesGiven = 0;
  beforeAll(async () => {
    redis = await TestRedis.start(['--databases', String(DATABASES)]);
  });
  afterAll(async () => {
    await redis?.kill();
  });
}

/** A database that no other gateway has: tests that start several do not mean them to be one. */
export function nextDatabase(): string {
  if (!redis) throw new Error('gateways are started within tests and their hooks, when there is a Redis');
  if (databasesGiven === DATABASES) throw new Error(`more than ${DATABASES} gateways in one file`);
  return `${redis.url}/${databasesGiven++}`;
}

/**
 * `it` for a test that is about the memory engine, `it.skip` on the redis engine.
 *
 * @param reason what is different there, and where it is tested
 */
export const onMemoryOnly = (reason: string): jest.It => {
  if (reason === '') throw new Error('say why');
  return isRedis ? (it.skip as jest.It) : it;
};

/** What is so on the one engine and on the other. */
export const byEngine = <T>(values: { readonly memory: T; readonly redis: T }): T =>
  values[isRedis ? 'redis' : 'memory'];
