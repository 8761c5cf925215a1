import type { ComponentChildren } from 'preact';
import { api, apiRoot, dataOf, type Schemas } from '../api.ts';
import { formatMoment } from '../format.ts';
import { More, Notice, Page, Panel, Table } from '../parts.tsx';
import { usePages } from '../use-pages.ts';

type Entry = Schemas['AuditEntry'];

/** Who changed what. */
export function AuditPage() {
  const list = usePages<Entry>('audit', (after) =>
    api
      .GET('/v1/audit', { params: { query: { limit: 100, ...(after !== undefined && { after }) } } })
      .then(dataOf),
  );
  return (
    <Page
      title="Audit"
      actions={
        <a class="button" href={`${apiRoot}v1/audit/export`} download="audit.csv">
          Export
        </a>
      }
    >
      {list.error !== undefined && <Notice kind="error">{list.error}</Notice>}
      <Panel>
        <Table
          label="Changes, the latest first"
          rows={list.rows}
          keyOf={({ id }) => id}
          empty={list.loading ? 'Loading…' : 'Nothing was changed yet.'}
          columns={[
            { name: 'When', cell: ({ at }) => <time dateTime={at}>{formatMoment(at)}</time> },
            {
              name: 'Who',
              cell: ({ keyName, keyId, session }) => (
                <span title={`Key ${keyId}`}>
                  {keyName} {session && <span class="tag">browser</span>}
                </span>
              ),
            },
            {
              name: 'What',
              cell: ({ method, path }) => (
                <code>
                  {method} {breakable(path)}
                </code>
              ),
            },
            {
              name: 'With',
              cell: ({ details }) =>
                details && (
                  <code class="details" title={JSON.stringify(details)}>
                    {detailsText(details)}
                  </code>
                ),
            },
            { name: 'Result', end: true, cell: ({ status }) => <Result status={status} /> },
            { name: 'From', cell: ({ address }) => address ?? '' },
          ]}
        />
        <More list={list} />
      </Panel>
    </Page>
  );
}

/** A path that is broken after a slash where it is too long. */
function breakable(path: string): ComponentChildren {
  return path.split(/(?<=\/)/).flatMap((part) => [part, <wbr key={part} />]);
}

/** `suspended: true, note: "They asked us to wait."`: what was given, without the name of its place. */
function detailsText(details: object): string {
  return Object.entries(details)
    .flatMap(([place, given]) =>
      typeof given === 'object' && given !== null ? Object.entries(given) : [[place, given] as const],
    )
    .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
    .join(', ');
}

function Result({ status }: { readonly status: number | undefined }) {
  if (status === undefined) return <span class="tag warning">not known</span>;
  return <span class={`tag ${status < 400 ? 'fine' : 'error'}`}>{status}</span>;
}
