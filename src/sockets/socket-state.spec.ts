import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('..', import.meta.url));

/** Names of functions that give slots, by the folder that may use them. */
const OWNERS = ['sockets', 'access', 'registry', 'rooms', 'gateway', 'recorder'];

/** Files that name the slots of another folder. */
function trespassers(files: Iterable<readonly [path: string, text: string]>): string[] {
  const found: string[] = [];
  for (const [path, text] of files) {
    if (path === 'sockets/socket-state.ts' || path.endsWith('.spec.ts')) continue;
    const folder = path.split('/')[0]!;
    const others = OWNERS.filter((owner) => owner !== folder && text.includes(`${owner}Slots`));
    found.push(...others.map((owner) => `${path} writes what is of ${owner}/`));
  }
  return found;
}

function* sources(): Generator<readonly [path: string, text: string]> {
  for (const path of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('.ts')) yield [path.replaceAll('\\', '/'), readFileSync(`${SRC}/${path}`, 'utf8')];
  }
}

describe('the state of a socket', () => {
  it('is written by each folder where it is its own', () => {
    expect(trespassers(sources())).toEqual([]);
  });

  it('shows a folder that writes what is of another', () => {
    const text = 'accessSlots(state).grant = grant;';
    expect(trespassers([['rooms/room.service.ts', text]])).toEqual([
      'rooms/room.service.ts writes what is of access/',
    ]);
  });
});
