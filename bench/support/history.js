import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { OLDER, format } from './report.js';

const TITLE = `# Runs against an older build

Each was \`npm run bench -- --against COMMIT\`: both builds in one interleaved run, medians, the newest run first. A ratio is
this build to the older one; below 1 is better, above 1.03 is a loss to be explained.
`;

/**
 * The text of the history with a run before all others.
 *
 * @param {string} path
 * @param {{ date: string, machine: ReturnType<typeof import('./report.js').describeMachine>,
 *   options: { rounds: number }, results: import('./report.js').CaseResult[] }} report
 * @param {import('./older-build.js').OlderBuild} older
 */
export function noteHistory(path, { date, machine, options, results }, older) {
  const earlier = existsSync(path) ? readFileSync(path, 'utf8').slice(TITLE.length) : '';
  const rows = results.flatMap(({ scenario, label, unit, better, connections, peers }) => {
    const [before, now] = [peers[OLDER], peers.switchboard];
    if (!before || !now) return [];
    const ratio = better === 'lower' ? now.median / before.median : before.median / now.median;
    const name = label ? `${scenario}: ${label}` : scenario;
    return [[name, String(connections), unit, format(before.median), format(now.median), ratio.toFixed(2)]];
  });
  const table = [['', 'sockets', 'unit', older.commit, 'this', 'ratio'], ...rows];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length), 3));
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell, column) => (column < 3 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column < 3 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  const [header, ...body] = table.map(line);
  return `${TITLE}
## ${date.slice(0, 10)}, ${presentCommit()} against ${older.commit}

${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, ${options.rounds} rounds, load average before: ${machine.loadAverage}.

${[header, rule, ...body].join('\n')}
${earlier}`;
}

/** The commit that is checked out, and whether files differ from it. */
function presentCommit() {
  const git = (/** @type {string[]} */ ...args) => execFileSync('git', args, { encoding: 'utf8' }).trim();
  const isChanged = git('status', '--porcelain', '--untracked-files=no', 'src') !== '';
  return `${git('rev-parse', '--short', 'HEAD')}${isChanged ? ' with changes' : ''}`;
}
