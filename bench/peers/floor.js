/** One bare `write()` per recipient and turn, by a C program: see floor.c. This process only hands commands on. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { serve } from '../support/control.js';
import { binaryIn } from '../support/compile-floor.js';
import { encodeMessage } from '../support/message.js';

/** @type {(command: string) => Promise<string>} */
let ask;

serve({
  async ready({ folder }) {
    const floor = spawn(binaryIn(folder), [encodeMessage()], { stdio: ['pipe', 'pipe', 'inherit'] });
    // Its last words are in the log that the runner shows when this process ends.
    floor.once('exit', () => process.exit(1));
    const lines = createInterface({ input: floor.stdout })[Symbol.asyncIterator]();
    const answer = async () => String((await lines.next()).value);
    ask = (command) => {
      floor.stdin.write(`${command}\n`);
      return answer();
    };
    return { port: Number(await answer()), protocol: 'ws' };
  },
  /** Of the C program, not of this process. */
  async cpu() {
    const [user, system] = (await ask('cpu')).split(' ').map(Number);
    return { user, system };
  },
  broadcast: ({ perTurn }) => ask(`publish ${perTurn}`),
});
