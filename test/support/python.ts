/** A client of another language for the end to end tests: the system's own python-socketio. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { EventQueue } from 'switchboard-gateway/testing';

const PYTHON = '/usr/bin/python3';
const SCRIPT = fileURLToPath(new URL('python_client.py', import.meta.url));

const isInstalled = spawnSync(PYTHON, ['-c', 'import socketio, requests, websocket']).status === 0;
const HOW_TO_GET_IT = 'apt-get install -y python3-socketio python3-requests python3-websocket';

if (!isInstalled && !process.env['CI']) process.stderr.write(`skipping Python tests: ${HOW_TO_GET_IT}\n`);

/** `describe`, skipped on a developer's machine without python-socketio. In CI its absence is a failure. */
export const describeWithPython = isInstalled || process.env['CI'] ? describe : describe.skip;

/** A running Python client with everything it told. */
export interface PythonClient {
  readonly events: EventQueue;
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>;
  /** Says a line on its standard input. */
  say(line: string): void;
  kill(): void;
}

/** @param script what it does: `tour` unless it is said, see python_client.py */
export function startPythonClient(
  url: string,
  transport: string,
  user: string,
  script: 'tour' | 'positions' = 'tour',
): PythonClient {
  if (!isInstalled) throw new Error(`python-socketio is missing: ${HOW_TO_GET_IT}`);
  const child = spawn(PYTHON, [SCRIPT, url, transport, user, script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const events = new EventQueue();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const { event, args } = JSON.parse(line) as { event: string; args: unknown[] };
    events.push(event, args);
  });
  return {
    events,
    exited: new Promise((resolve) => child.once('close', resolve)),
    say: (line) => child.stdin.write(`${line}\n`),
    kill: () => child.kill('SIGKILL'),
  };
}
