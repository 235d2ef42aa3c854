/** A plot of figures over time. */
import { html, useEffect, useRef } from './html.js';
import uPlot from './modules/uplot.js';

const COLOURS = ['--accent', '--wait', '--series-3', '--series-4', '--series-5', '--series-6'];
const HEIGHT = 165;
/** A plot that has just begun shows so much of the time before. */
const SHORTEST_S = 120;

/** Series are `{label, values}`, all as long as `times` (ms); `null` is a gap. */
export function Plot({ title, times, series, format }) {
  const holder = useRef();
  const plot = useRef();
  const shape = JSON.stringify(series.map(({ label }) => label));

  useEffect(() => {
    const element = holder.current;
    const draw = () => plot.current?.redraw(false);
    plot.current = new uPlot(optionsOf(element, series, format), [[], ...series.map(() => [])], element);
    const resized = new ResizeObserver(() =>
      plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    resized.observe(element);
    const themed = new MutationObserver(draw);
    themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => {
      scheme.removeEventListener('change', draw);
      themed.disconnect();
      resized.disconnect();
      plot.current.destroy();
    };
  }, [shape]);
  useEffect(() =>
    plot.current?.setData([times.map((at) => at / 1_000), ...series.map(({ values }) => values)]),
  );

  const now = series.map(({ values }) => values.findLast((value) => value !== null) ?? 0);
  const total = now.reduce((sum, value) => sum + value, 0);
  return html`<figure class="plot" aria-label=${`${title}, now ${format(total)}`}>
    <figcaption><span>${title}</span><strong>${format(total)}</strong></figcaption>
    <div ref=${holder}></div>
  </figure>`;
}

const now = () => Date.now() / 1_000;

/** From the first time to the last, or what was zoomed into. Of a single time uPlot makes years. */
function shownOf({ data: [times] }, first, last) {
  const end = Math.min(last ?? now(), times.at(-1) ?? now());
  const isAll = first === null || first === undefined || first <= times[0];
  return [isAll ? Math.min(times[0] ?? end, end - SHORTEST_S) : first, end];
}

function optionsOf(element, series, format) {
  const colour = (name) => () => resolved(element, name);
  const axis = {
    stroke: colour('--muted'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
    font: '11px system-ui, sans-serif',
  };
  return {
    width: element.clientWidth,
    height: HEIGHT,
    legend: { show: series.length > 1 },
    cursor: { y: false, points: { size: 6 } },
    scales: {
      x: { range: shownOf },
      y: { range: (_, low, high) => [Math.min(0, low ?? 0), Math.max(high ?? 0, 1) * 1.1] },
    },
    axes: [
      { ...axis, size: 42, space: 70 },
      { ...axis, size: 54, space: 36, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      { value: '{HH}:{mm}:{ss}' },
      ...series.map(({ label }, index) => ({
        label,
        stroke: colour(COLOURS[index % COLOURS.length]),
        width: 2,
        spanGaps: true,
        // A line needs two points; before there are some, each is seen by itself.
        points: { show: (plot, of) => plot.data[of].filter((value) => value !== null).length < 3 },
        value: (_, value) => (value === null || value === undefined ? '–' : format(value)),
      })),
    ],
  };
}

/** A token as a canvas takes it: the browser says which of its two colours holds now. */
function resolved(element, name) {
  element.style.setProperty('color', `var(${name})`);
  const { color } = getComputedStyle(element);
  element.style.removeProperty('color');
  return color;
}
