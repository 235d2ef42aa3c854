import { chosen } from './choice.js';
import type { Client } from './languages.js';
import type { Toolchain } from './toolchains.js';

const toolchain = (name: string, isThere: boolean, place?: string): Toolchain => ({
  name,
  howToGetIt: `get ${name}`,
  ...(place === undefined ? {} : { place }),
  isThere: () => isThere,
  build: () => Promise.resolve(),
});

const client = (name: string, of: Toolchain): Client => ({
  name,
  column: name,
  language: name,
  steps: { saveAs: name, install: name, run: name },
  program: [name],
  snippet: { program: [name], source: name },
  toolchain: of,
  version: () => '1',
});

const HERE = toolchain('here', true);
const AWAY = toolchain('away', false);
const ALL = [client('a', HERE), client('b', AWAY), client('c', AWAY)];

const namesOf = (all: readonly { name: string }[]): string[] => all.map(({ name }) => name);

describe('the choice of clients', () => {
  it('[L12] skips those whose toolchain is missing, and names it once', () => {
    const { clients, missing, skipped } = chosen(ALL, {});
    expect([namesOf(clients), namesOf(missing), namesOf(skipped)]).toEqual([['a'], [], ['away']]);
  });

  it('[L12] in CI a missing toolchain is a failure', () => {
    const { clients, missing, skipped } = chosen(ALL, { CI: 'true' });
    expect([namesOf(clients), namesOf(missing), namesOf(skipped)]).toEqual([['a'], ['away'], []]);
  });

  it('[L12] what is asked for by name is expected everywhere, and the rest nowhere', () => {
    expect(namesOf(chosen(ALL, { CLIENTS: 'b' }).missing)).toEqual(['away']);
    expect(chosen(ALL, { CI: 'true', CLIENTS: 'a' })).toEqual({
      clients: [ALL[0]],
      missing: [],
      skipped: [],
    });
    expect(() => chosen(ALL, { CLIENTS: 'a,jav' })).toThrow('CLIENTS: jav is none of a, b, c');
  });

  it('[L12] what no registry has is expected where its place is named', () => {
    const of = (place: string): readonly Client[] => [client('d', toolchain('clone', false, place))];
    expect(namesOf(chosen(of(''), { CI: 'true' }).skipped)).toEqual(['clone']);
    expect(namesOf(chosen(of('/clone'), {}).missing)).toEqual(['clone']);
  });
});
