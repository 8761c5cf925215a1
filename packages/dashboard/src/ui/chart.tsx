import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { formatAxis, formatNumber } from './format.ts';
import { theme } from './theme.ts';

/** A line of a chart. */
export interface ChartLine {
  readonly name: string;
  /** Name of a custom property of the style sheet. */
  readonly color: string;
  readonly values: readonly number[];
}

/** Counts are whole: 1, 2, 5, 10, … */
const wholeSteps = Array.from({ length: 10 }, (_, power) => [1, 2, 5].map((one) => one * 10 ** power)).flat();

/** Counts over time, of the lines that have any. Screen readers get the sums from the text beside it. */
export function Chart({
  label,
  times,
  lines,
}: {
  readonly label: string;
  /** Epoch seconds. */
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
}) {
  // A line along the bottom would look as if something had happened.
  const shown = lines.filter(({ values }) => values.some((value) => value > 0));
  if (shown.length === 0) return <p class="empty">No message had an outcome in this time.</p>;
  return <Plot label={label} times={times} lines={shown} />;
}

/** Without the zeros between other zeros: lines along the bottom would lie on each other. */
function peaksOf(values: readonly number[]): (number | null)[] {
  return values.map((value, i) => (value === 0 && !values[i - 1] && !values[i + 1] ? null : value));
}

function Plot({
  label,
  times,
  lines,
}: {
  readonly label: string;
  readonly times: readonly number[];
  readonly lines: readonly ChartLine[];
}) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const data = [times, ...lines.map(({ values }) => peaksOf(values))] as unknown as uPlot.AlignedData;
  const shape = `${theme.value} ${lines.map(({ name }) => name).join()}`;
  useEffect(() => {
    const element = box.current!;
    const style = getComputedStyle(document.documentElement);
    const color = (name: string) => style.getPropertyValue(name).trim();
    const axis = {
      stroke: color('--muted'),
      grid: { stroke: color('--line'), width: 1 },
      ticks: { stroke: color('--line'), width: 1 },
      font: '12px system-ui, sans-serif',
    };
    const made = new uPlot(
      {
        width: element.clientWidth,
        height: 220,
        legend: { live: false },
        cursor: { drag: { x: false, y: false } },
        scales: { y: { range: (_plot, _min, max) => [0, Math.max(max * 1.1, 5)] } },
        axes: [
          { ...axis, space: 80, values: (_plot, splits) => splits.map(formatAxis) },
          {
            ...axis,
            // As wide as its longest number.
            size: (_plot, values) => 18 + 8 * Math.max(1, ...(values ?? []).map(({ length }) => length)),
            incrs: wholeSteps,
            values: (_plot, splits) => splits.map((one) => formatNumber(one)),
          },
        ],
        series: [
          {},
          ...lines.map((line) => ({
            label: line.name,
            stroke: color(line.color),
            fill: `${color(line.color)}22`,
            width: 2,
            points: { show: false },
          })),
        ],
      },
      data,
      element,
    );
    plot.current = made;
    const resize = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: 220 }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      made.destroy();
    };
  }, [shape]);
  useEffect(() => plot.current?.setData(data), [data]);
  return <div class="chart" ref={box} role="img" aria-label={label} />;
}
