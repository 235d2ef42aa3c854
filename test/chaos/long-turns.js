/**
 * Preloaded by a node: writes down how much processor time its turns of the event loop took, whatever else the machine did.
 *
 * Each line of the file at `LONG_TURNS_FILE`, which is written when the node ends, is when a turn was over, in ms since 1970,
 * and its milliseconds. Turns shorter than {@link FROM_MS} are left out.
 */
import { writeFileSync } from 'node:fs';

const FROM_MS = 5;
const lines = [];
let last = process.cpuUsage();
setInterval(() => {
  const { user, system } = process.cpuUsage(last);
  last = process.cpuUsage();
  const ms = (user + system) / 1000;
  if (ms >= FROM_MS) lines.push(`${Date.now()} ${ms.toFixed(1)}`);
}, 1).unref();
process.once('exit', () => writeFileSync(process.env.LONG_TURNS_FILE, lines.join('\n')));
