/** The results as an SVG bar chart: one panel per case, one bar per peer. */
import { PEER_TITLES, format } from './report.js';

/** @typedef {import('./report.js').CaseResult} CaseResult */

const COLORS = /** @type {Record<string, string>} */ ({
  'raw-socket.io': '#8c96a3',
  'stock-nest': '#c4798a',
  ws: '#b9a15b',
  nchan: '#8a7bb5',
  floor: '#5f9b7c',
  'http-floor': '#5f9b7c',
  'sharded-adapter': '#8c96a3',
  'streams-adapter': '#b9a15b',
  switchboard: '#2f6fde',
});
/** Where the title of the tables is too long for a bar's name. */
const SHORT_TITLES = /** @type {Record<string, string>} */ ({
  floor: 'C, bare writes',
  'http-floor': "Node's HTTP alone",
});
const COLUMNS = 2;
const WIDTH = 960;
const PANEL_WIDTH = WIDTH / COLUMNS;
const MARGIN = 20;
const NAME_WIDTH = 142;
const VALUE_WIDTH = 60;
const BAR_WIDTH = PANEL_WIDTH - 2 * MARGIN - NAME_WIDTH - VALUE_WIDTH;
const BAR_HEIGHT = 18;
const HEADER_HEIGHT = 52;

/** Scenarios in a few words; what is not here goes by its name. @type {Record<string, string>} */
const HEADINGS = {
  'fan-out-1': 'Broadcast, one publication at a time',
  'fan-out-10': 'Broadcast, 10 publications in one turn',
  'fan-out-100': 'Broadcast, 100 publications in one turn',
  'fan-out-rooms': 'A publication to each of 10 rooms in one turn',
  connect: 'Connect and disconnect',
  'connect-token': 'Connect and disconnect, token verified',
  'idle-memory': 'Idle connection',
  'request-ack': 'Request with acknowledgement',
  'http-emit': 'A backend emits to one socket',
  'registry-lookup': 'A backend looks up',
};

/** @param {string} text */
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/**
 * What stands beside a stock server on one node; the rest is in the tables.
 *
 * @param {CaseResult[]} allResults
 * @param {string} footer
 */
export function renderChart(allResults, footer) {
  const results = allResults.filter(({ peers }) => 'stock-nest' in peers && 'switchboard' in peers);
  const rows = Array.from({ length: Math.ceil(results.length / COLUMNS) }, (_, row) =>
    results.slice(row * COLUMNS, (row + 1) * COLUMNS),
  );
  let top = MARGIN;
  const panels = rows.flatMap((row) => {
    const drawn = row.map((result, column) => renderPanel(result, column * PANEL_WIDTH, top));
    top +=
      HEADER_HEIGHT + Math.max(...row.map(({ peers }) => Object.keys(peers).length)) * (BAR_HEIGHT + 6) + 18;
    return drawn;
  });
  const height = top + MARGIN;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="#1f2733" role="img" aria-label="Benchmark results">
<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>
${panels.join('\n')}
<text x="${MARGIN}" y="${height - 14}" font-size="11" fill="#5b6573">${escape(footer)}</text>
</svg>
`;
}

/**
 * @param {CaseResult} result
 * @param {number} left
 * @param {number} top
 */
function renderPanel({ scenario, label, unit, better, peers }, left, top) {
  const heading = HEADINGS[scenario] ?? scenario;
  const longest = Math.max(...Object.values(peers).map(({ median }) => median));
  const bars = Object.entries(peers).map(([name, { median }], index) => {
    const y = HEADER_HEIGHT + index * (BAR_HEIGHT + 6);
    const width = Math.max(1, (median / longest) * BAR_WIDTH);
    return `<text x="${MARGIN}" y="${y + 13}">${escape(String(SHORT_TITLES[name] ?? PEER_TITLES[name]))}</text>
<rect x="${MARGIN + NAME_WIDTH}" y="${y}" width="${width.toFixed(1)}" height="${BAR_HEIGHT}" rx="2" fill="${COLORS[name]}"/>
<text x="${(MARGIN + NAME_WIDTH + width + 6).toFixed(1)}" y="${y + 13}">${format(median)}</text>`;
  });
  return `<g transform="translate(${left} ${top})">
<text x="${MARGIN}" y="16" font-weight="600">${escape(label ? `${heading}: ${label}` : heading)}</text>
<text x="${MARGIN}" y="36" fill="#5b6573">${escape(`${unit}, ${better} is better`)}</text>
${bars.join('\n')}
</g>`;
}
