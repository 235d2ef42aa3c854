/**
 * A node of an older build and one of this build side by side on one Redis, as during a rolling update.
 *
 *     npm run side-by-side -- --with 628e4dc
 *
 * Each case runs both ways: what a client or a backend does at the one has to take effect at the other. Exits with 1
 * when something differs. `npm run rolling-restart -- --from` and `npm run chaos -- --with` do it under load.
 */
import { parseArgs } from 'node:util';
import { buildOlder } from '../../bench/support/older-build.js';
import { DELIVERY } from './delivery.js';
import { PEOPLE } from './people.js';
import { SESSIONS } from './sessions.js';
import { Stage } from './stage.js';
import { TROUBLES } from './troubles.js';

const { values } = parseArgs({
  options: {
    /** A commit. */
    with: { type: 'string', default: 'HEAD' },
    /** Only cases with this in their title. */
    only: { type: 'string', default: '' },
  },
});

const say = (line) => process.stdout.write(`${line}\n`);
const older = buildOlder(values.with);
const stage = await Stage.start([{ name: 'this build' }, { name: older.commit, main: older.main }]);
const { nodes, redis } = stage;
let failed = 0;

for (const [title, run] of Object.entries({ ...DELIVERY, ...PEOPLE, ...SESSIONS, ...TROUBLES })) {
  if (!title.includes(values.only)) continue;
  for (const [here, there] of [nodes, nodes.toReversed()]) {
    const failure = await run({ here, there, nodes, redis }).then(
      (clients) => void clients.forEach((client) => client.close()),
      (error) => error,
    );
    if (failure) failed++;
    await stage.mend();
    say(`${failure ? 'FAILS' : 'holds'}  ${here.name} → ${there.name}  ${title}`);
    if (failure) say(`       ${failure.name === 'Error' ? failure.message : (failure.stack ?? failure)}`);
  }
}
await stage.close();
const complaints = nodes
  .flatMap((node) => node.complaints)
  .filter((line) => !line.includes('Redis does not know this node'));
for (const line of complaints) say(`says   ${line}`);
say(`${failed} failed, ${complaints.length} complaints; this build beside ${older.commit}`);
process.exit(failed + complaints.length > 0 ? 1 : 0);
