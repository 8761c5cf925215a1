import { api, dataOf, type Schemas } from '../api.ts';
import { formatNumber, plural } from '../format.ts';
import { Loaded, Page, Panel, Table, When } from '../parts.tsx';
import { useResource } from '../resource.ts';
import { linkTo } from '../route.ts';

type Destination = Schemas['Destination'];

/** Well-known providers, by the end of the names of their mail exchangers. */
const providers: readonly (readonly [RegExp, string])[] = [
  [/\.google(?:mail)?\.com$/, 'Google'],
  [/\.outlook\.com$|\.hotmail\.com$|\.microsoft$/, 'Microsoft'],
  [/\.yahoodns\.net$/, 'Yahoo'],
  [/\.icloud\.com$|\.apple\.com$/, 'Apple'],
];

/** Which provider a destination belongs to: by its first exchanger, else the domain of that. */
function providerOf(destination: string): string {
  // `smtp:` and a port mark a relay of the configuration.
  const host = destination
    .split(',')[0]!
    .replace(/^[a-z]+:/, '')
    .replace(/:\d+$/, '')
    .toLowerCase();
  const known = providers.find(([pattern]) => pattern.test(`.${host}`));
  if (known) return known[1];
  return /^[\d.]+$|:/.test(host) ? host : host.split('.').slice(-2).join('.');
}

function groupsOf(destinations: readonly Destination[]): [string, Destination[]][] {
  const groups = new Map<string, Destination[]>();
  for (const one of destinations) {
    const provider = providerOf(one.destination);
    groups.set(provider, [...(groups.get(provider) ?? []), one]);
  }
  const queued = (group: readonly Destination[]) => group.reduce((sum, one) => sum + one.queued, 0);
  return [...groups].sort(([, a], [, b]) => queued(b) - queued(a));
}

/** Where mail goes, by provider. */
export function DestinationsPage() {
  const destinations = useResource(
    'destinations',
    async () => dataOf(await api.GET('/v1/destinations')).data,
    { live: true, everyMs: 5000 },
  );
  return (
    <Page title="Destinations">
      <Loaded from={destinations}>
        {(all) =>
          all.length === 0 ? (
            <p class="empty">No mail waits, no connection is open, and nothing is suspended.</p>
          ) : (
            groupsOf(all).map(([provider, group]) => (
              <Panel
                key={provider}
                title={provider}
                actions={
                  <span class="muted">
                    {plural(
                      group.reduce((sum, one) => sum + one.queued, 0),
                      'recipient',
                    )}{' '}
                    waiting,{' '}
                    {plural(
                      group.reduce((sum, one) => sum + one.connections, 0),
                      'connection',
                    )}
                  </span>
                }
              >
                <Group provider={provider} destinations={group} />
              </Panel>
            ))
          )
        }
      </Loaded>
    </Page>
  );
}

function Group({
  provider,
  destinations,
}: {
  readonly provider: string;
  readonly destinations: readonly Destination[];
}) {
  return (
    <Table
      label={`Destinations of ${provider}`}
      rows={destinations}
      keyOf={({ destination }) => destination}
      empty="None."
      columns={[
        {
          name: 'Destination',
          cell: ({ destination }) => (
            <a class="break" href={linkTo('destinations', destination)}>
              {destination}
            </a>
          ),
        },
        { name: 'Waiting', end: true, cell: ({ queued }) => formatNumber(queued) },
        {
          name: 'Connections',
          end: true,
          cell: ({ connections, concurrency }) => `${connections} of ${concurrency}`,
        },
        { name: 'Pace', cell: (one) => <Pace of={one} /> },
        { name: 'Next due', wide: true, cell: ({ oldestDueAt }) => <When at={oldestDueAt} /> },
      ]}
    />
  );
}

/** The reason for the pace of a destination. */
export function Pace({ of }: { readonly of: Destination }) {
  const { suspended, note, pausedUntil, pauseReason } = of;
  if (suspended)
    return (
      <>
        <span class="tag warning">suspended</span> {note}
      </>
    );
  if (pausedUntil !== undefined)
    return (
      <>
        <span class="tag warning">{pauseReason ?? 'paused'}</span> until <When at={pausedUntil} />
      </>
    );
  return <span class="tag fine">open</span>;
}
