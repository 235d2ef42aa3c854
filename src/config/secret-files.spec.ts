import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from './config.js';
import { FILE_VARIABLES } from './secret-files.js';

const SECRET = 'kumquat-0123456789-0123456789-0123456789';

describe('secrets in files', () => {
  let folder: string;
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };
  const linesOf = (env: Record<string, string>): readonly string[] => {
    try {
      loadConfig({ env });
    } catch (error) {
      return (error as ConfigError).lines;
    }
    return [];
  };

  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'secrets-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('[C2] a secret is what its file holds, without the line break at the end', () => {
    const config = loadConfig({ env: { SWITCHBOARD_JWT_SECRET_FILE: file('jwt', `${SECRET}\n`) } });
    expect(config).toMatchObject({ jwtSecret: SECRET, mode: 'secured' });
  });

  it('[C2] every secret can be in a file, and so can the public key', () => {
    expect(FILE_VARIABLES).toEqual(
      expect.arrayContaining([
        'SWITCHBOARD_JWT_SECRET_FILE',
        'SWITCHBOARD_JWT_PREVIOUS_SECRET_FILE',
        'SWITCHBOARD_JWT_PUBLIC_KEY_FILE',
        'SWITCHBOARD_API_KEYS_FILE',
        'SWITCHBOARD_REDIS_URL_FILE',
      ]),
    );
  });

  it('[C2] a file that is not there, an empty one and a secret given twice stop the start', () => {
    const missing = linesOf({ SWITCHBOARD_JWT_SECRET_FILE: join(folder, 'nothing') });
    expect(missing.join()).toMatch(/^SWITCHBOARD_JWT_SECRET_FILE: .*ENOENT/);
    expect(linesOf({ SWITCHBOARD_JWT_SECRET_FILE: file('empty', '\n') }).join()).toContain('not empty');
    const twice = linesOf({
      SWITCHBOARD_JWT_SECRET_FILE: file('twice', SECRET),
      SWITCHBOARD_JWT_SECRET: SECRET,
    });
    expect(twice.join()).toContain('no value while SWITCHBOARD_JWT_SECRET is set');
    expect(twice.join()).not.toContain(SECRET);
  });

  it('[C2] what a file holds is checked like a variable, and never shown', () => {
    const lines = linesOf({ SWITCHBOARD_JWT_SECRET_FILE: file('short', 'too-short') });
    expect(lines.join()).toContain('SWITCHBOARD_JWT_SECRET');
    expect(lines.join()).not.toContain('too-short');
  });

  it('[C2] keys that are no secrets have no such variable', () => {
    expect(linesOf({ SWITCHBOARD_LOG_LEVEL_FILE: file('level', 'info') }).join()).toContain(
      'SWITCHBOARD_LOG_LEVEL_FILE',
    );
  });
});
