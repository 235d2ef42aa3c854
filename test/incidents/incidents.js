/**
 * Incidents, made for real, and the questions of those they happened to: whether the console tells the causes.
 *
 *     npm run incidents                        ten of them, drawn by a seed; Ctrl+C tells the causes
 *     npm run incidents -- --seed 7 --skip 10  the next ten of that seed
 *     npm run incidents -- --check --count 99  all of them; whether the words of each cause stand in the console
 *
 * Prints the address of the console, its key and the questions, and no cause. Made for somebody who does not know what
 * was done: nine of ten causes are to be named within two minutes each, from the console and the pages it leads to.
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Random } from '../fuzz/random.js';
import { ARRIVALS } from './arrivals.js';
import { CONNECTIONS } from './connections.js';
import { DELIVERIES } from './deliveries.js';
import { NODES } from './nodes.js';
import { Stage } from './stage.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(randomBytes(4).readUInt32BE()) },
    count: { type: 'string', default: '10' },
    skip: { type: 'string', default: '0' },
    /** Part of a cause. */
    only: { type: 'string', default: '' },
    check: { type: 'boolean', default: false },
  },
});
const random = new Random(Number(values.seed));
const AT_ONCE = 4;
const MADE_WITHIN_MS = 120_000;

function shuffled(list) {
  const rest = [...list];
  return list.map(() => rest.splice(random.int(0, rest.length - 1), 1)[0]);
}

const nameOf = () => `u-${random.int(10_000, 99_999)}`;

function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took more than ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** All of them, a few at a time, in the order of the list. */
async function makeAll(stage, incidents) {
  const made = [];
  const rest = incidents.map((incident, index) => ({ incident, index, user: nameOf() }));
  const work = async () => {
    for (let next = rest.shift(); next; next = rest.shift()) {
      const { incident, index, user } = next;
      const asked = await within(MADE_WITHIN_MS, incident.make(stage, user)).catch((error) => {
        throw new Error(`could not make "${incident.cause}": ${error.message}`, { cause: error });
      });
      made[index] = { ...incident, ...asked };
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return made;
}

function questionOf({ user, address, publication, question }, index) {
  const from = address === undefined ? '' : ` (from ${address})`;
  const about = publication === undefined ? '' : ` Publication ${publication}.`;
  return `${index + 1}. The user ${user}${from} ${question}${about}`;
}

async function check(stage, made) {
  // Only who checks needs a browser.
  const { ConsoleReader } = await import('./console-reader.js');
  const reader = await ConsoleReader.open(stage.url, stage.key);
  let unnamed = 0;
  try {
    for (const incident of made) {
      const text = await reader.read(incident);
      if (incident.named.test(text)) continue;
      unnamed += 1;
      process.stderr.write(`UNNAMED ${incident.cause}\n${text.replaceAll(/^/gm, '  ')}\n`);
    }
  } finally {
    await reader.close();
  }
  process.stdout.write(`${made.length - unnamed} of ${made.length} causes stand in the console\n`);
  return unnamed === 0;
}

process.stdout.write(`seed ${values.seed}\n`);
const stage = await Stage.open();
let isFine = true;
try {
  const drawn = shuffled([...ARRIVALS, ...CONNECTIONS, ...DELIVERIES, ...NODES])
    .filter(({ cause }) => cause.includes(values.only))
    .slice(Number(values.skip))
    .slice(0, Number(values.count));
  const made = await makeAll(stage, drawn);
  if (values.check) {
    isFine = await check(stage, made);
  } else {
    process.stdout.write(`${stage.url}/console with the key ${stage.key}\n`);
    for (const [index, incident] of made.entries()) process.stdout.write(`${questionOf(incident, index)}\n`);
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
    for (const [index, { cause }] of made.entries()) process.stdout.write(`${index + 1}. ${cause}\n`);
  }
} catch (error) {
  isFine = false;
  process.stderr.write(`${error.stack}\n`);
} finally {
  await stage.close();
}
process.exit(isFine ? 0 : 1);
