/** What is in the package that users install, and what it brings with it. */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { posix } from 'node:path';

interface LockEntry {
  readonly version?: string;
  readonly dev?: boolean;
  readonly hasInstallScript?: boolean;
  readonly engines?: { readonly node?: string };
}

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string };
}

const read = <Value>(path: string): Value => JSON.parse(readFileSync(path, 'utf8')) as Value;

const manifest = read<Manifest>('package.json');
const { packages } = read<{ packages: Record<string, LockEntry> }>('package-lock.json');
const entries = Object.entries(packages).filter(([path]) => path !== '');

/** The oldest Node.js that these ranges take, as `[major, minor]`; alternatives are parted by `||`. */
function oldestNode(range: string): readonly [number, number] {
  const starts = range.split('||').map((part): readonly [number, number] => {
    const [, major = '0', minor = '0'] = /(\d+)(?:\.(\d+))?/.exec(part) ?? [];
    return [Number(major), Number(minor)];
  });
  return starts.toSorted(([a, b], [c, d]) => a - c || b - d)[0]!;
}

describe('what is installed', () => {
  it('runs no script at users', () => {
    const scripts = entries.filter(([, entry]) => entry.hasInstallScript && !entry.dev);
    expect(scripts.map(([path]) => path)).toEqual([]);
    expect(entries.map(([path]) => path).filter((path) => path.includes('@scarf/'))).toEqual([]);
  });

  it('asks for no newer Node.js than the gateway does', () => {
    const [major, minor] = oldestNode(manifest.engines.node);
    const newer = entries.filter(([, { engines }]) => {
      if (engines?.node === undefined) return false;
      const [oldest, least] = oldestNode(engines.node);
      return oldest > major || (oldest === major && least > minor);
    });
    expect(newer.map(([path, { version, engines }]) => `${path} ${version} ${engines?.node}`)).toEqual([]);
  });

  it('[T1] leaves Nest, rxjs and reflect-metadata to the app, which has them once', () => {
    const shared = (name: string): boolean => /^@nestjs\/|^rxjs$|^reflect-metadata$/.test(name);
    expect(Object.keys(manifest.dependencies).filter(shared)).toEqual([]);
    expect(manifest.peerDependencies).toMatchObject({ '@nestjs/core': '^12.0.0', rxjs: '^7.8.0' });
  });
});

describe('the package', () => {
  let files: readonly string[];
  beforeAll(() => {
    const answer = execFileSync('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    // An array up to npm 10; by the package's name since.
    const [packed] = Object.values(JSON.parse(answer) as Record<string, { files: { path: string }[] }>);
    files = packed!.files.map(({ path }) => path);
  });

  it('has what its pages link to', () => {
    const pages = files.filter((path) => path.endsWith('.md'));
    expect(pages.length).toBeGreaterThan(5);
    const missing = pages.flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)]
        .map(([, link]) => link!)
        .filter((link) => !/^[a-z]+:/.test(link))
        .map((link) => posix.join(posix.dirname(page), link))
        .filter((target) => !files.some((path) => path === target || path.startsWith(`${target}/`)))
        .map((target) => `${page} → ${target}`),
    );
    expect(missing).toEqual([]);
  });

  it('has every script that Redis runs', () => {
    const scripts = readdirSync('src/engine/redis/lua', { recursive: true, encoding: 'utf8' }).filter(
      (path) => path.endsWith('.lua'),
    );
    expect(scripts.length).toBeGreaterThan(5);
    expect(scripts.filter((path) => !files.includes(`dist/engine/redis/lua/${path}`))).toEqual([]);
  });

  it('has no tests and no settings of this repository', () => {
    expect(files.filter((path) => /\.spec\.|^(?:test|scripts|\.\w)/.test(path))).toEqual([]);
  });
});
