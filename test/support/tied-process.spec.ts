import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { transformFileSync } from '@swc/core';
import { until } from './until.js';

const onLinux = process.platform === 'linux' ? it : it.skip;

/** Starts a program that would run for ever, says its process ID, and stays. */
const PARENT = `
  const child = spawnTied(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  process.stdout.write(child.pid + '\\n');
  setInterval(() => {}, 1000);
`;

describe('a process that a test has started', () => {
  onLinux('ends with the test run, also when that is killed', async () => {
    const { code } = transformFileSync('test/support/tied-process.ts', {
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    });
    const parent = spawn(process.execPath, ['--input-type=module', '-e', `${code}\n${PARENT}`]);
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pid = Number(line);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    parent.kill('SIGKILL');
    await until('it has gone too', () => !existsSync(`/proc/${pid}`));
  });
});
