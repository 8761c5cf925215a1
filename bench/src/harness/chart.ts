import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse, View } from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { KeptResult } from './results.ts';
import type { ContenderResult, RowResult } from './verdict.ts';

/** Which package's README shows the rows of an area. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  mime: 'mime',
  dkim: 'dkim',
  dns: 'dns',
  smtp: 'smtp-client',
  broker: 'broker',
  queue: 'queue-postgres',
};

/** Colours by role in the light; each also reads on a dark ground. */
const OURS = '#1f6feb';
const LIMIT = '#6e7781';
const PEERS = ['#bf8700', '#cf222e', '#8250df', '#2da44e', '#bc4c00', '#bf3989', '#1b7c83', '#7a5c3e'];

/** Light colour → what it becomes where the reader prefers dark. */
const DARK: Readonly<Record<string, string>> = {
  '#ffffff': '#0d1117',
  '#1f2328': '#e6edf3',
  '#d1d9e0': '#3d444d',
  [OURS]: '#58a6ff',
  [LIMIT]: '#9198a1',
  '#bf8700': '#d29922',
  '#cf222e': '#ff7b72',
  '#8250df': '#bc8cff',
  '#2da44e': '#3fb950',
  '#bc4c00': '#f0883e',
  '#bf3989': '#f778ba',
  '#1b7c83': '#39c5cf',
  '#7a5c3e': '#c9a26b',
};

/** Writes `bench.svg` beside the README of each area's package; returns the files' paths. */
export async function writeCharts(results: readonly KeptResult[]): Promise<string[]> {
  const files: string[] = [];
  for (const [area, folder] of Object.entries(PACKAGE_OF)) {
    const rows = results.filter(({ id }) => id.startsWith(`${area}/`));
    if (rows.length === 0) continue;
    const file = fileURLToPath(new URL(`../../../packages/${folder}/bench.svg`, import.meta.url));
    writeFileSync(file, await drawChart(rows));
    files.push(file);
  }
  return files;
}

/** One dot for each contender of each row: its cost as a multiple of the limit's, on a logarithmic scale. */
async function drawChart(rows: readonly KeptResult[]): Promise<string> {
  const names = [
    ...new Set(rows.flatMap(({ contenders }) => contenders.filter(isPeer).map(({ name }) => base(name)))),
  ];
  const series = [
    ['ours', OURS] as const,
    ...names.map((name, i) => [name, PEERS[i % PEERS.length]!] as const),
    ['limit', LIMIT] as const,
  ];
  const view = new View(parse(compile(specOf(rows, series)).spec), { renderer: 'none' });
  const svg = await view.toSVG();
  view.finalize();
  return readableInTheDark(svg);
}

type SeriesColours = readonly (readonly [name: string, colour: string])[];

/** The costs of all rows, and above them the rates by the number of destinations where rows differ in that. */
function specOf(rows: readonly KeptResult[], series: SeriesColours): TopLevelSpec {
  const shapes = rows.filter(({ destinations }) => destinations !== undefined);
  const costs = costSpec(rows, series);
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    background: '#ffffff',
    padding: 16,
    config: theme,
    ...(shapes.length > 1 ? { vconcat: [shapeSpec(shapes, series), costs], spacing: 40 } : costs),
  } as TopLevelSpec;
}

/** Messages a second of each contender, by the number of destinations that they are spread over. */
function shapeSpec(rows: readonly KeptResult[], series: SeriesColours) {
  const values = rows.flatMap(({ destinations, contenders }) =>
    contenders.flatMap(({ name, role, problem, perSecond }) =>
      perSecond === undefined || problem !== undefined
        ? []
        : [{ destinations, series: role === 'peer' ? base(name) : role, perSecond }],
    ),
  );
  return {
    width: 520,
    height: 220,
    title: { text: 'Messages a second, by the number of destinations (higher is better)', anchor: 'start' },
    data: { values },
    mark: { type: 'line', point: { size: 90 }, strokeWidth: 2 },
    encoding: {
      x: {
        field: 'destinations',
        type: 'quantitative',
        scale: { type: 'log' },
        title: 'destinations',
        axis: { values: [...new Set(rows.map(({ destinations }) => destinations))], format: ',' },
      },
      y: {
        field: 'perSecond',
        type: 'quantitative',
        scale: { type: 'log' },
        title: 'messages a second',
        axis: { format: ',' },
      },
      color: colorOf(series),
    },
  };
}

function colorOf(series: SeriesColours) {
  return {
    field: 'series',
    type: 'nominal',
    title: null,
    scale: { domain: series.map(([name]) => name), range: series.map(([, colour]) => colour) },
    legend: { orient: 'top', columns: 6, symbolSize: 90 },
  } as const;
}

function costSpec(rows: readonly KeptResult[], series: SeriesColours) {
  const dots = rows.flatMap(points);
  const order = rows.map(({ title }) => title);
  const y = { field: 'row', type: 'nominal', sort: order, title: null } as const;
  const x = { type: 'quantitative', scale: { type: 'log', nice: false } } as const;
  const color = colorOf(series);
  return {
    width: 520,
    height: { step: 24 },
    title: {
      text: 'Cost as a multiple of the least work the platform needs (further left is better)',
      anchor: 'start',
    },
    layer: [
      {
        data: { values: rows.flatMap(goalPoints) },
        mark: { type: 'tick', thickness: 3, size: 20, color: '#1f2328', opacity: 0.55 },
        encoding: {
          y,
          x: {
            ...x,
            field: 'goal',
            title: 'median × limit, with the range of the rounds; bar: goal; hollow: wrong output',
          },
        },
      },
      {
        data: { values: dots },
        mark: { type: 'rule', strokeWidth: 2, opacity: 0.5 },
        encoding: { y, x: { ...x, field: 'min' }, x2: { field: 'max' }, color },
      },
      {
        data: { values: dots.filter(({ right }) => !right) },
        mark: { type: 'point', size: 90, strokeWidth: 2, opacity: 1, fill: '#ffffff' },
        encoding: { y, x: { ...x, field: 'median' }, color },
      },
      {
        data: { values: dots.filter(({ right }) => right) },
        mark: { type: 'circle', size: 120, opacity: 1 },
        encoding: { y, x: { ...x, field: 'median' }, color },
      },
    ],
  };
}

const font = 'system-ui, sans-serif';
const theme = {
  view: { stroke: null },
  font,
  title: { color: '#1f2328', fontSize: 13, fontWeight: 600, offset: 12 },
  axis: {
    labelColor: '#1f2328',
    titleColor: '#1f2328',
    titleFontWeight: 'normal',
    gridColor: '#d1d9e0',
    domainColor: '#d1d9e0',
    tickColor: '#d1d9e0',
    labelLimit: 640,
    labelFontSize: 12,
  },
  axisY: { grid: true },
  legend: { labelColor: '#1f2328', labelFontSize: 12, symbolOpacity: 1 },
} as const;

function points({ title, contenders }: RowResult) {
  return contenders.flatMap(({ name, role, problem, toLimit }) =>
    toLimit === undefined
      ? []
      : [
          {
            row: title,
            series: role === 'peer' ? base(name) : role,
            right: problem === undefined,
            ...toLimit,
          },
        ],
  );
}

/** Goals as multiples of the limit; a goal in microseconds or octets is divided by what the limit cost. */
function goalPoints({ title, goals, limit, contenders }: RowResult) {
  const costOf = (name: string) => contenders.find((contender) => contender.name === name)?.cost?.median;
  const limitCost = costOf(limit);
  if (limitCost === undefined) return [];
  return goals.flatMap(({ goal }) => {
    if (goal.kind === 'ratio' && goal.to === limit) return [{ row: title, goal: goal.atMost }];
    if (goal.kind === 'share' && goal.of === limit) return [{ row: title, goal: 1 / goal.atLeast }];
    if (goal.kind === 'micros' && goal.metric === undefined)
      return [{ row: title, goal: goal.atMost / limitCost }];
    const from = goal.kind === 'above' ? costOf(goal.base) : undefined;
    return goal.kind === 'above' && from !== undefined
      ? [{ row: title, goal: (from + goal.atMostBytes) / limitCost }]
      : [];
  });
}

function isPeer({ role }: ContenderResult): boolean {
  return role === 'peer';
}

/** `nodemailer lib/qp` and `nodemailer pool` are one project. */
function base(name: string): string {
  return name.split(' ')[0]!;
}

/** The picture follows the reader's colour scheme by itself, also inside an `img`. */
function readableInTheDark(svg: string): string {
  const rules = Object.entries(DARK).flatMap(([light, dark]) => [
    `[fill="${light}"]{fill:${dark}}`,
    `[stroke="${light}"]{stroke:${dark}}`,
  ]);
  const style = `<style>@media (prefers-color-scheme:dark){${rules.join('')}}</style>`;
  return svg.replace(/<svg[^>]*>/, (tag) => `${tag}${style}`);
}
