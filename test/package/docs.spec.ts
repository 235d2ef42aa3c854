/** Pages and comments name files; a file that was moved takes its name along, or a test fails. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

const IN_BACKTICKS = /`([^`\s]+)`/g;
/** A path in this repository: it has a folder, and ends with a kind of file that is here, or with a slash. */
const PATH =
  /^(?!\/|https?:|\.\.\/shared)(?:[\w@.-]+\/)+(?:[\w.-]+\.(?:ts|js|mjs|lua|md|json|svg|html|css|ejs|yaml|py))?$/;
/** Written as in a checkout that is built, or by somebody's app, or by name of a package. */
const ELSEWHERE = /^(?:dist|node_modules|@|\.\.|socket\.io\/|my-|app\/|ghcr|chat\/)/;

const filesUnder = (folder: string, kind: RegExp): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((path) => posix.join(folder, path))
    .filter((path) => kind.test(path) && !path.includes('node_modules'));

/** The paths that a text names, and that are neither in the repository nor under `src/`. */
function missingIn(file: string, text: string): string[] {
  return [...text.matchAll(IN_BACKTICKS)]
    .map(([, token]) => token!)
    .filter((token) => PATH.test(token) && !ELSEWHERE.test(token))
    .filter((path) => ![path, `src/${path}`, posix.join(posix.dirname(file), path)].some(existsSync))
    .map((path) => `${file}: ${path}`);
}

const commentsOf = (source: string): string =>
  [...source.matchAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g)].map(([comment]) => comment).join('\n');

describe('files that are named are there', () => {
  it('in docs/architecture.md, which names many', () => {
    const text = readFileSync('docs/architecture.md', 'utf8');
    const named = [...text.matchAll(IN_BACKTICKS)].filter(([, token]) => PATH.test(token!));
    expect(named.length).toBeGreaterThan(60);
    expect(missingIn('docs/architecture.md', text)).toEqual([]);
  });

  it('in the other pages', () => {
    const pages = ['README.md', 'CONTRIBUTING.md', 'bench/README.md', ...filesUnder('docs', /\.md$/)];
    expect(pages.flatMap((page) => missingIn(page, readFileSync(page, 'utf8')))).toEqual([]);
  });

  it('in comments', () => {
    const sources = ['src', 'test', 'bench', 'scripts'].flatMap((folder) =>
      filesUnder(folder, /\.(?:ts|js)$/),
    );
    const missing = sources.flatMap((file) => missingIn(file, commentsOf(readFileSync(file, 'utf8'))));
    expect(missing).toEqual([]);
  });

  it('every folder of src has its floor', () => {
    const text = readFileSync('docs/architecture.md', 'utf8');
    const folders = readdirSync('src', { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.filter(({ name }) => !text.includes(`\`${name}/\``)).map(({ name }) => name)).toEqual([]);
  });
});
