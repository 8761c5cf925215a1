import { useState } from 'preact/hooks';
import { api, dataOf, may, type Schemas } from '../api.ts';
import { Chart } from '../chart.tsx';
import { Dialog } from '../dialog.tsx';
import { Field } from '../field.tsx';
import { formatDuration, formatNumber } from '../format.ts';
import { act, Facts, Loaded, Page, Panel, Table, When } from '../parts.tsx';
import { useResource } from '../resource.ts';
import { linkTo } from '../route.ts';
import { Pace } from './destinations.tsx';

type Destination = Schemas['Destination'];

/** One destination: its pace and the reason for it, what was learned, and what can be changed. */
export function DestinationPage({ name }: { readonly name: string }) {
  const params = { params: { path: { destination: name } } };
  const found = useResource(
    name,
    async () => {
      const result = await api.GET('/v1/destinations/{destination}', params);
      // Nothing waits there and nothing is set; it can be changed nevertheless.
      return result.response.status === 404 ? null : dataOf(result);
    },
    { live: true, everyMs: 5000 },
  );
  const [dialog, setDialog] = useState<'suspend' | 'limits'>();
  const change = (body: Schemas['DestinationSettings'], said: string) =>
    act(async () => {
      dataOf(await api.PATCH('/v1/destinations/{destination}', { ...params, body }));
      found.reload();
      setDialog(undefined);
      return said;
    });
  const suspended = found.data?.suspended ?? false;
  const paused = found.data?.pausedUntil !== undefined;
  return (
    <Page
      title={name}
      actions={
        may('operate') && (
          <>
            {suspended || paused ? (
              <button
                type="button"
                class="primary"
                onClick={() => change({ suspended: false }, `${name} is resumed.`)}
              >
                Resume
              </button>
            ) : (
              <button type="button" onClick={() => setDialog('suspend')}>
                Suspend
              </button>
            )}
            <button type="button" onClick={() => setDialog('limits')}>
              Limits
            </button>
          </>
        )
      }
    >
      <p>
        <a href={linkTo('destinations')}>All destinations</a>
      </p>
      <Loaded from={found}>
        {(destination) =>
          destination === null ? (
            <Panel>
              <p class="empty">No mail waits there, and nothing is set.</p>
            </Panel>
          ) : (
            <State destination={destination} />
          )
        }
      </Loaded>
      <Replies name={name} />
      {isDomain(name) && <Success domain={name} />}
      {dialog === 'suspend' && (
        <Suspend
          name={name}
          onClose={() => setDialog(undefined)}
          onSuspend={(note) =>
            change({ suspended: true, ...(note !== '' && { note }) }, `${name} is suspended.`)
          }
        />
      )}
      {dialog === 'limits' && (
        <Limits
          limits={found.data?.limits}
          onClose={() => setDialog(undefined)}
          onLimits={(limits) =>
            change(
              { limits },
              limits === null ? 'The limits of all destinations apply again.' : 'The limits are set.',
            )
          }
        />
      )}
    </Page>
  );
}

function State({ destination }: { readonly destination: Destination }) {
  const { queued, connections, concurrency, oldestDueAt, limits, learned } = destination;
  const { rates = [], ...numbers } = limits as {
    readonly rates?: readonly { readonly count: number; readonly perMs: number }[];
    readonly [name: string]: unknown;
  };
  const { speed, hosts = {} } = learned as {
    readonly speed?: string;
    readonly hosts?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  return (
    <div class="columns">
      <Panel title="Now">
        <Facts
          facts={[
            ['Waiting', formatNumber(queued)],
            ['Connections', `${connections} of ${concurrency} allowed now`],
            ['Pace', <Pace key="pace" of={destination} />],
            ['Next due', <When key="due" at={oldestDueAt} />],
            [
              'Limit',
              `${numbers.maxConcurrency} connections, ${Math.min(Number(numbers.startConcurrency), Number(numbers.maxConcurrency))} at first`,
            ],
            [
              'Rates',
              rates.length === 0
                ? 'none'
                : rates.map(({ count, perMs }) => `${count} per ${formatDuration(perMs)}`).join(', '),
            ],
          ]}
        />
      </Panel>
      <Panel title="What was learned">
        <Facts facts={[['Speed', speed ?? 'new']]} />
        {Object.entries(hosts).map(([host, facts]) => (
          <div key={host} class="host">
            <h3>{host}</h3>
            <Facts
              facts={Object.entries(facts).map(([fact, value]) => [wordsOf(fact), shown(value)] as const)}
            />
          </div>
        ))}
        {Object.keys(hosts).length === 0 && <p class="muted">Nothing of its hosts yet.</p>}
      </Panel>
    </div>
  );
}

/** `messagesPerSession` → `messages per session` */
const wordsOf = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

function shown(value: unknown): string {
  if (typeof value === 'number' && value > 1e12) return new Date(value).toLocaleString('en-GB');
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function Replies({ name }: { readonly name: string }) {
  const replies = useResource(
    `replies ${name}`,
    async () =>
      dataOf(
        await api.GET('/v1/destinations/{destination}/replies', { params: { path: { destination: name } } }),
      ).data,
    { live: true },
  );
  return (
    <Panel title="Latest outcomes of what waits, by rule">
      <Loaded from={replies}>
        {(groups) => (
          <Table
            label="Latest outcomes by rule"
            rows={groups}
            keyOf={({ rule }) => rule}
            empty="Nothing that waits was attempted yet."
            columns={[
              { name: 'Rule', cell: ({ rule }) => <code>{rule}</code> },
              { name: 'Recipients', end: true, cell: ({ count }) => formatNumber(count) },
              { name: 'Latest reply', cell: ({ latest }) => <span class="reply">{latest}</span> },
              { name: 'Host', cell: ({ host }) => host ?? '' },
              { name: 'When', cell: ({ latestAt }) => <When at={latestAt} /> },
            ]}
          />
        )}
      </Loaded>
    </Panel>
  );
}

/** Outcomes are counted by the domain of the recipients: a list of exchangers and a relay have none of their own. */
const isDomain = (name: string) => !/[,:]/.test(name);

function Success({ domain }: { readonly domain: string }) {
  const stats = useResource(
    `stats ${domain}`,
    async () =>
      dataOf(await api.GET('/v1/stats', { params: { query: { resolution: 'quarter-hour', domain } } })),
    { everyMs: 15_000 },
  );
  return (
    <Panel title={`Mail to ${domain} in the last 24 hours`}>
      <Loaded from={stats}>
        {({ points }) => {
          const values = (name: string) =>
            points.map(({ counts }) => (counts as Readonly<Record<string, unknown>>)[name] as number);
          return (
            <Chart
              label={`Outcomes of mail to ${domain} in the last 24 hours`}
              times={points.map(({ start }) => Date.parse(start) / 1000)}
              lines={[
                { name: 'Delivered', color: '--good', values: values('delivered') },
                { name: 'Deferred', color: '--warn', values: values('deferred') },
                { name: 'Failed', color: '--bad', values: values('failed') },
              ]}
            />
          );
        }}
      </Loaded>
    </Panel>
  );
}

function Suspend({
  name,
  onSuspend,
  onClose,
}: {
  readonly name: string;
  readonly onSuspend: (note: string) => void;
  readonly onClose: () => void;
}) {
  const [note, setNote] = useState('');
  return (
    <Dialog
      title={`Suspend ${name}`}
      confirm="Suspend"
      danger
      onConfirm={() => onSuspend(note)}
      onClose={onClose}
    >
      <p>Nothing is attempted there until it is resumed. Messages still expire.</p>
      <Field label="Why" value={note} onInput={setNote} hint="For people who look at it later." />
    </Dialog>
  );
}

function Limits({
  limits,
  onLimits,
  onClose,
}: {
  readonly limits: Destination['limits'] | undefined;
  readonly onLimits: (
    limits: { maxConcurrency?: number; rates?: { count: number; perMs: number }[] } | null,
  ) => void;
  readonly onClose: () => void;
}) {
  const [connections, setConnections] = useState(String(limits?.maxConcurrency ?? 20));
  const [perMinute, setPerMinute] = useState('');
  const wanted = Number(connections);
  const rate = perMinute === '' ? undefined : Number(perMinute);
  const valid =
    Number.isInteger(wanted) &&
    wanted >= 1 &&
    wanted <= 1000 &&
    (rate === undefined || (Number.isInteger(rate) && rate >= 1));
  return (
    <Dialog
      title="Limits"
      confirm="Set the limits"
      ready={valid}
      onConfirm={() =>
        onLimits({
          maxConcurrency: wanted,
          ...(rate !== undefined && { rates: [{ count: rate, perMs: 60_000 }] }),
        })
      }
      onClose={onClose}
    >
      <Field
        label="Most connections"
        type="number"
        min={1}
        value={connections}
        onInput={setConnections}
        required
      />
      <Field
        label="Messages a minute"
        type="number"
        min={1}
        value={perMinute}
        onInput={setPerMinute}
        hint="Empty: no rate."
      />
      <p>
        <button type="button" onClick={() => onLimits(null)}>
          Return to the limits of all destinations
        </button>
      </p>
    </Dialog>
  );
}
