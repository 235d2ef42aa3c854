/** Numbers for people: medians, tables, and what the machine was. */
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem, type } from 'node:os';

/** The peer that is an older build of the gateway. */
export const OLDER = 'older';

/** How the peers are called in tables and charts. */
export const PEER_TITLES = /** @type {Record<string, string>} */ ({
  'raw-socket.io': 'raw Socket.IO',
  'stock-nest': 'stock Nest gateway',
  ws: 'ws',
  nchan: 'Nchan (nginx)',
  floor: 'C, one write per recipient',
  'http-floor': "Node's HTTP server, answering a constant",
  'sharded-adapter': 'Socket.IO, sharded adapter',
  'streams-adapter': 'Socket.IO, streams adapter',
  unrecorded: 'Switchboard, nothing recorded',
  'webhooks-unsent': 'Switchboard, events written',
  webhooks: 'Switchboard, events sent',
  'webhooks-batch': 'Switchboard, events sent in batches',
  switchboard: 'Switchboard',
});

/** Peers that take part only where they are named. */
export const ON_REQUEST = ['unrecorded', 'webhooks-unsent', 'webhooks', 'webhooks-batch'];

/** Peers that do no more than what nobody gets around; a table with one of them shows how far the others are. */
const FLOORS = ['floor', 'http-floor'];

/**
 * @typedef {object} Summary
 * @property {number} median
 * @property {number} min
 * @property {number} max
 * @property {number[]} samples
 *
 * @typedef {object} CaseResult one table: a scenario, or one of several numbers that it gives
 * @property {string} scenario
 * @property {string} label
 * @property {string} title
 * @property {string} unit
 * @property {'lower' | 'higher'} better
 * @property {number} connections
 * @property {Record<string, Summary>} peers
 */

/** @param {number[]} samples @returns {Summary} */
export function summarize(samples) {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (/** @type {number} */ index) => /** @type {number} */ (sorted[index]);
  const half = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(half) : (at(half - 1) + at(half)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1), samples };
}

/** Three significant digits. @param {number} value */
export const format = (value) =>
  Number(value.toPrecision(3)).toLocaleString('en', { maximumSignificantDigits: 3 });

/** @param {CaseResult} result */
export const headingOf = ({ title, label, connections }) =>
  `${title}${label ? `: ${label}` : ''} (${connections.toLocaleString('en')} connections)`;

/** @param {CaseResult} result */
export function renderTable(result) {
  const peers = Object.entries(result.peers);
  // A case has at least one peer: its sample is what made it a case.
  const [baseline] = /** @type {[[string, Summary]]} */ (peers);
  const floor = peers.find(([name]) => FLOORS.includes(name) && name !== baseline[0]);
  const older = peers.find(([name]) => name === OLDER && name !== baseline[0]);
  const ratio = (/** @type {number} */ median, /** @type {Summary} */ to) =>
    `${(median / to.median).toFixed(2)}×`;
  const rows = peers.map(([name, { median, min, max }]) => [
    String(PEER_TITLES[name]),
    format(median),
    `${format(min)}–${format(max)}`,
    ratio(median, baseline[1]),
    ...(floor ? [ratio(median, floor[1])] : []),
    ...(older ? [ratio(median, older[1])] : []),
  ]);
  const header = [
    '',
    'median',
    'min–max',
    `to ${PEER_TITLES[baseline[0]]}`,
    ...(floor ? ['to the floor'] : []),
    ...(older ? [`to ${PEER_TITLES[OLDER]}`] : []),
  ];
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => String(row[column]).length)),
  );
  const line = (/** @type {string[]} */ row) =>
    `  ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('   ')}`;
  return [
    `${headingOf(result)}`,
    `${result.unit}, ${result.better} is better`,
    line(header),
    ...rows.map(line),
  ].join('\n');
}

/**
 * The numbers of one peer in one table: labels are `row: column`.
 * @param {CaseResult[]} results
 */
export function renderMatrix(results) {
  const cell = (/** @type {string} */ row, /** @type {string} */ column) => {
    const found = results.find(({ label }) => label === `${row}: ${column}`);
    const [summary] = Object.values(found?.peers ?? {});
    return summary ? format(summary.median) : '';
  };
  const split = results.map(({ label }) => label.split(': '));
  const rows = [...new Set(split.map(([row]) => String(row)))];
  const columns = [...new Set(split.map(([, column]) => String(column)))];
  const width = Math.max(...rows.map(({ length }) => length));
  const line = (/** @type {string} */ first, /** @type {string[]} */ cells) =>
    `  ${first.padEnd(width)}${cells.map((text, index) => text.padStart(String(columns[index]).length + 3)).join('')}`;
  const [first] = results;
  return [
    `${first?.title} (${first?.connections.toLocaleString('en')} connections)`,
    line('', columns),
    ...rows.map((row) =>
      line(
        row,
        columns.map((column) => cell(row, column)),
      ),
    ),
  ].join('\n');
}

/** What the numbers depend on. */
export function describeMachine() {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    /** Of the last minute, before the run; other work shifts results, see README.md. */
    loadAverage: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** @returns {Record<string, string>} */
export function packageVersions() {
  const names = [
    'socket.io',
    'engine.io',
    'ws',
    '@nestjs/core',
    '@nestjs/platform-socket.io',
    '@socket.io/redis-adapter',
    '@socket.io/redis-streams-adapter',
    'ioredis',
  ];
  const versionIn = (/** @type {string} */ path) =>
    JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
  return {
    'switchboard-gateway': versionIn('../../package.json'),
    ...Object.fromEntries(names.map((name) => [name, versionIn(`../../node_modules/${name}/package.json`)])),
  };
}
