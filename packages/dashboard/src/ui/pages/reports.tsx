import { useState } from 'preact/hooks';
import { api, dataOf, may, type Schemas } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { formatMoment, formatNumber, plural } from '../format.ts';
import { act, Loaded, More, Notice, Page, Panel, Table } from '../parts.tsx';
import { useResource } from '../resource.ts';
import { usePages } from '../use-pages.ts';

type Totals = Schemas['ReportTotals'];
type Report = Schemas['Report'];
type OwnTls = Schemas['OwnTlsTotals'];

const ranges = [7, 30, 90] as const;

/** What receivers report about mail that uses our domains. */
export function ReportsPage() {
  const [days, setDays] = useState<number>(30);
  const totals = useResource(String(days), async () =>
    dataOf(await api.GET('/v1/reports/totals', { params: { query: { days } } })),
  );
  const ownTls = useResource(`own ${days}`, async () =>
    dataOf(await api.GET('/v1/reports/own-tls', { params: { query: { days } } })),
  );
  const list = usePages<Report>('reports', (after) =>
    api
      .GET('/v1/reports', { params: { query: { limit: 50, ...(after !== undefined && { after }) } } })
      .then(dataOf),
  );
  const [adding, setAdding] = useState(false);
  return (
    <Page
      title="Reports"
      actions={
        <>
          {may('operate') && (
            <button type="button" onClick={() => setAdding(true)}>
              Add a report
            </button>
          )}
          <fieldset class="switch">
            <legend class="hidden">Range</legend>
            {ranges.map((one) => (
              <button key={one} type="button" aria-pressed={days === one} onClick={() => setDays(one)}>
                {one} days
              </button>
            ))}
          </fieldset>
        </>
      }
    >
      <p class="muted">
        DMARC and TLS reports that came to the addresses of the inbound role, or were added. They say what
        their senders claim. What our own sessions saw is below.
      </p>
      <Loaded from={totals}>{(data) => <Sums totals={data} />}</Loaded>
      <Loaded from={ownTls}>{(data) => <OwnSessions totals={data} />}</Loaded>
      {list.error !== undefined && <Notice kind="error">{list.error}</Notice>}
      <Panel title="Latest reports">
        <Table
          label="Latest reports"
          rows={list.rows}
          keyOf={({ id }) => id}
          empty={list.loading ? 'Loading…' : 'No report has come in yet.'}
          columns={[
            { name: 'Kind', cell: ({ kind }) => (kind === 'dmarc' ? 'DMARC' : 'TLS') },
            { name: 'Domain', cell: ({ domain }) => domain },
            { name: 'From', cell: ({ organization }) => organization },
            { name: 'Until', cell: ({ end }) => (end === undefined ? '–' : formatMoment(end)) },
            { name: 'Says', cell: (one) => summaryOf(one) },
          ]}
        />
        <More list={list} />
      </Panel>
      {adding && (
        <AddReport
          onClose={() => setAdding(false)}
          onAdded={() => {
            setAdding(false);
            totals.reload();
            list.restart();
          }}
        />
      )}
    </Page>
  );
}

function summaryOf(report: Report): string {
  if (report.kind === 'dmarc')
    return `${formatNumber(report.aligned)} of ${plural(report.messages, 'message')} aligned`;
  return `${formatNumber(report.failed)} of ${plural(report.failed + report.succeeded, 'session')} failed`;
}

function Sums({ totals: { dmarc, tls, complete, reports } }: { readonly totals: Totals }) {
  return (
    <>
      {!complete && (
        <Notice kind="info">Only the latest {plural(reports, 'report')} of the span are summed up.</Notice>
      )}
      {dmarc.map(({ domain, messages, aligned, sources }) => (
        <Panel
          key={domain}
          title={`Who sends as ${domain}: ${formatNumber(aligned)} of ${plural(messages, 'message')} aligned`}
        >
          <Table
            label={`Sources of ${domain}`}
            rows={sources}
            keyOf={({ ip }) => ip}
            empty="No source."
            columns={[
              { name: 'Source', cell: ({ ip }) => <code>{ip}</code> },
              { name: 'Messages', end: true, cell: (one) => formatNumber(one.messages) },
              { name: 'Aligned', end: true, cell: (one) => formatNumber(one.aligned) },
              {
                name: 'Unaligned',
                end: true,
                cell: (one) => <Unaligned count={one.messages - one.aligned} />,
              },
              { name: 'By DKIM', end: true, cell: (one) => formatNumber(one.dkimAligned) },
              { name: 'By SPF', end: true, cell: (one) => formatNumber(one.spfAligned) },
              {
                name: 'Refused or quarantined',
                end: true,
                cell: (one) => formatNumber(one.rejected + one.quarantined),
              },
            ]}
          />
        </Panel>
      ))}
      {tls.length > 0 && (
        <Panel title="TLS, as receivers report it">
          <Table
            label="TLS failures"
            rows={tls.flatMap(({ domain, succeeded, failed, failures }) =>
              failures.length === 0
                ? [{ domain, resultType: 'none', mx: undefined, sessions: failed, of: succeeded + failed }]
                : failures.map((one) => ({ domain, mx: one.mx, ...one, of: succeeded + failed })),
            )}
            keyOf={({ domain, resultType, mx }) => `${domain} ${resultType} ${mx ?? ''}`}
            empty="No session failed."
            columns={[
              { name: 'Domain', cell: ({ domain }) => domain },
              { name: 'Failure', cell: ({ resultType }) => resultType },
              { name: 'Host', cell: ({ mx }) => mx ?? '–' },
              { name: 'Failed sessions', end: true, cell: ({ sessions }) => formatNumber(sessions) },
              { name: 'Of all', end: true, cell: ({ of }) => formatNumber(of) },
            ]}
          />
        </Panel>
      )}
    </>
  );
}

/** TLS of our own sessions, of which no receiver tells. */
function OwnSessions({ totals: { succeeded, failed, domains } }: { readonly totals: OwnTls }) {
  const title =
    succeeded + failed === 0
      ? 'TLS in our own sessions'
      : `TLS in our own sessions: ${formatNumber(failed)} of ${plural(succeeded + failed, 'session')} failed`;
  return (
    <Panel title={title}>
      <Table
        label="TLS failures of our own sessions"
        rows={domains.flatMap(({ domain, failures, ...counts }) =>
          failures.map((one) => ({ ...one, domain, of: counts.succeeded + counts.failed })),
        )}
        keyOf={({ domain, resultType, host, policy }) => `${domain} ${resultType} ${host} ${policy}`}
        empty={succeeded + failed === 0 ? 'No session was counted yet.' : 'No session failed.'}
        columns={[
          { name: 'Domain', cell: ({ domain }) => domain },
          {
            name: 'Failure',
            cell: ({ resultType, detail }) => <span title={detail}>{resultType}</span>,
          },
          { name: 'Host', cell: ({ host }) => host },
          { name: 'Policy', cell: ({ policy }) => policies[policy] ?? policy },
          { name: 'Failed sessions', end: true, cell: ({ sessions }) => formatNumber(sessions) },
          { name: 'Of all', end: true, cell: ({ of }) => formatNumber(of) },
        ]}
      />
    </Panel>
  );
}

/** Policies as RFC 8460 names them, and what they mean for the mail. */
const policies: Readonly<Record<string, string>> = {
  tlsa: 'DANE: the mail waits',
  sts: 'MTA-STS: the mail waits',
  'no-policy-found': 'none: the mail is sent all the same',
};

function Unaligned({ count }: { readonly count: number }) {
  return count === 0 ? <>0</> : <span class="tag warning">{formatNumber(count)}</span>;
}

function AddReport({ onAdded, onClose }: { readonly onAdded: () => void; readonly onClose: () => void }) {
  const [file, setFile] = useState<File>();
  return (
    <Dialog
      title="Add a report"
      confirm="Add"
      ready={file !== undefined}
      onConfirm={() =>
        void act(async () => {
          const type = /\.eml$/i.test(file!.name) ? 'message/rfc822' : 'application/octet-stream';
          const { data } = dataOf(
            await api.POST('/v1/reports', {
              body: file as unknown as string,
              bodySerializer: (body) => body,
              headers: { 'content-type': type },
            }),
          );
          onAdded();
          return `${plural(data.length, 'report')} about ${data[0]!.domain} kept.`;
        })
      }
      onClose={onClose}
    >
      <p>A DMARC or TLS report as XML, JSON, gzip or zip, or the message that brought it (.eml).</p>
      <label class="field">
        <span>File</span>
        <input type="file" onChange={(event) => setFile(event.currentTarget.files?.[0])} />
      </label>
    </Dialog>
  );
}
