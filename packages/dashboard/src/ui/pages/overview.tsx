import { useState } from 'preact/hooks';
import { api, dataOf, online, type Schemas, seesAll } from '../api.ts';
import { Chart } from '../chart.tsx';
import { formatAge, formatCount, formatDuration, formatNumber, plural } from '../format.ts';
import { recentEvents } from '../live.ts';
import { Loaded, Page, Panel, State, Table, When } from '../parts.tsx';
import { useResource } from '../resource.ts';
import { linkTo } from '../route.ts';

/** The ranges to choose from, with the length of their spans. */
const ranges = {
  minute: { title: '1 hour', last: 'hour', spans: '60 minutes' },
  'quarter-hour': { title: '24 hours', last: '24 hours', spans: '96 quarter-hours' },
  day: { title: '30 days', last: '30 days', spans: '30 days' },
} as const;
type Range = keyof typeof ranges;

/** The queue at a glance. */
export function OverviewPage() {
  const [range, setRange] = useState<Range>('minute');
  const stats = useResource(
    range,
    async () => dataOf(await api.GET('/v1/stats', { params: { query: { resolution: range } } })),
    { live: true, everyMs: 15_000 },
  );
  return (
    <Page
      title="Overview"
      actions={
        <fieldset class="switch">
          <legend class="hidden">Range</legend>
          {Object.entries(ranges).map(([name, { title }]) => (
            <button
              key={name}
              type="button"
              aria-pressed={range === name}
              onClick={() => setRange(name as Range)}
            >
              {title}
            </button>
          ))}
        </fieldset>
      }
    >
      {seesAll() && <Now />}
      <Loaded from={stats}>{(data) => <Counts stats={data} range={range} />}</Loaded>
      <Happening />
    </Page>
  );
}

function Counts({ stats, range }: { readonly stats: Schemas['Stats']; readonly range: Range }) {
  const { total, points } = stats;
  const of = (counts: Schemas['Counts'], name: string) =>
    (counts as unknown as Readonly<Record<string, number | undefined>>)[name] ?? 0;
  const failed = (counts: Schemas['Counts']) => of(counts, 'failed') + of(counts, 'expired');
  const time = total.timeToDelivery;
  const counted = (name: string, count: number, kind: string) =>
    // Nothing failed: no reason for red.
    [name, formatCount(count), count === 0 ? '' : kind] as const;
  const cards: readonly (readonly [name: string, value: string, kind: string])[] = [
    counted('Accepted', of(total, 'accepted'), ''),
    counted('Delivered', of(total, 'delivered'), 'good'),
    counted('Deferred', of(total, 'deferred'), 'warn'),
    counted('Failed', failed(total), 'bad'),
    counted('Unknown', of(total, 'unknown'), 'warn'),
    ['Time to delivery', time ? formatDuration(time.p50Ms) : '–', ''],
  ];
  const lines = [
    {
      name: 'Delivered',
      color: '--good',
      values: points.map(({ counts }) => of(counts, 'delivered')),
    },
    { name: 'Deferred', color: '--warn', values: points.map(({ counts }) => of(counts, 'deferred')) },
    { name: 'Failed', color: '--bad', values: points.map(({ counts }) => failed(counts)) },
  ];
  return (
    <>
      <ul class="cards" aria-label={`Counts of the last ${ranges[range].last}`}>
        {cards.map(([name, value, kind]) => (
          <li key={name} class={`card ${kind}`}>
            <span class="card-name">{name}</span>
            <span class="card-value">{value}</span>
            {name === 'Time to delivery' && time && (
              <small>median; 95 % within {formatDuration(time.p95Ms)}</small>
            )}
          </li>
        ))}
      </ul>
      <Panel title={`Outcomes of the last ${ranges[range].last}`}>
        <Chart
          label={`Chart of ${ranges[range].spans}: ${lines
            .map(
              ({ name, values }) =>
                `${formatNumber(values.reduce((a, b) => a + b, 0))} ${name.toLowerCase()}`,
            )
            .join(', ')}`}
          times={points.map(({ start }) => Date.parse(start) / 1000)}
          lines={lines}
        />
      </Panel>
    </>
  );
}

/** The depth of the queue, and what is wrong. */
function Now() {
  const health = useResource('health', async () => dataOf(await api.GET('/v1/health')), {
    live: true,
    everyMs: 5000,
  });
  return (
    <Loaded from={health}>
      {({ queued, inFlight, held, unknown, oldestDueAt, running, findings }) => (
        <>
          <Panel title="What is wrong now">
            {!online.value ? (
              <p class="muted">Not known while the server does not answer.</p>
            ) : findings.length === 0 ? (
              <p class="fine">Nothing.</p>
            ) : (
              <ul class="findings">
                {findings.map(({ severity, text, todo, destination }) => (
                  <li key={text} class={severity}>
                    <span class={`tag ${severity}`}>{severity}</span>
                    <div>
                      <p>{destination ? <a href={linkTo('destinations', destination)}>{text}</a> : text}</p>
                      <p class="muted">{todo}</p>
                    </div>
                  </li>
                ))}
              </ul>
            )}
          </Panel>
          <p class="queue-line">
            <strong>{plural(queued, 'recipient')}</strong> waiting, {formatNumber(inFlight)} in flight,{' '}
            {formatNumber(held)} held, {formatNumber(unknown)} unknown.{' '}
            {oldestDueAt !== undefined && <>{dueSentence(oldestDueAt)} </>}
            {!running && 'This process does not deliver.'}
          </p>
        </>
      )}
    </Loaded>
  );
}

function dueSentence(at: string): string {
  const late = Date.parse(at) < Date.now();
  return `${late ? 'The oldest was due' : 'The next is due'} ${formatAge(at)}.`;
}

/** Events as they come in. */
function Happening() {
  const events = recentEvents.value.slice(0, 15);
  return (
    <Panel title="Happening now">
      <Table
        label="Latest events"
        rows={events}
        keyOf={({ cursor }) => cursor}
        empty="No event since this page was opened. They appear here as they happen."
        columns={[
          { name: 'When', cell: ({ at }) => <When at={at} /> },
          { name: 'Event', cell: ({ type }) => <State value={type} /> },
          {
            name: 'Message',
            cell: ({ messageId }) => <a href={linkTo('message', messageId)}>{messageId}</a>,
          },
          { name: 'Recipient', cell: ({ address }) => address ?? '' },
        ]}
      />
    </Panel>
  );
}
