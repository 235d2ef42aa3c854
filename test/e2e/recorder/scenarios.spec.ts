import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FINDING_IDS } from '../../../src/recorder/explain/finding.js';

const FOLDERS = ['recorder', 'nodes'];

/** `[X2] node_lost, deploy: what makes them; not what looks alike`. */
const TITLE = /(?:\[[A-Z]\d+\] )*\[X2\] (?:\[[A-Z]\d+\] )*([a-z_]+(?:, [a-z_]+)*): [^'`]+; not /g;

function madeForReal(): Set<string> {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const texts = FOLDERS.flatMap((folder) =>
    readdirSync(join(root, folder))
      .filter((file) => file.endsWith('.e2e.ts'))
      .map((file) => readFileSync(join(root, folder, file), 'utf8')),
  );
  return new Set(texts.flatMap((text) => [...text.matchAll(TITLE)].flatMap(([, ids]) => ids!.split(', '))));
}

describe('findings', () => {
  it('[X2] are all made for real, each beside something that looks alike and must not give it', () => {
    const made = madeForReal();
    expect(FINDING_IDS.filter((id) => !made.has(id))).toEqual([]);
  });
});
