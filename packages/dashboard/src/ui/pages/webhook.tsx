import { useState } from 'preact/hooks';
import { api, dataOf, may, type Schemas } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { Field } from '../field.tsx';
import { formatNumber, plural } from '../format.ts';
import { act, Facts, Loaded, More, Page, Panel, State, Table, When } from '../parts.tsx';
import { useResource } from '../resource.ts';
import { goTo, linkTo } from '../route.ts';
import { usePages } from '../use-pages.ts';
import { Health, lagOf } from './webhooks.tsx';

type DeadLetter = Schemas['DeadLetter'];

/** A webhook: its state, its latest calls, and the events that were given up. */
export function WebhookPage({ id }: { readonly id: string }) {
  const params = { params: { path: { id } } };
  const webhook = useResource(id, async () => dataOf(await api.GET('/v1/webhooks/{id}', params)), {
    live: true,
    everyMs: 5000,
  });
  const attempts = useResource(
    `attempts ${id}`,
    async () => dataOf(await api.GET('/v1/webhooks/{id}/attempts', params)).data,
    { live: true, everyMs: 5000 },
  );
  const dead = usePages<DeadLetter>(id, (after) =>
    api
      .GET('/v1/webhooks/{id}/dead-letters', {
        params: { path: { id }, query: { limit: 100, ...(after !== undefined && { after }) } },
      })
      .then(dataOf),
  );
  const [removing, setRemoving] = useState(false);
  const [replaying, setReplaying] = useState(false);
  const replay = (body: Schemas['Replay'], what: string) =>
    act(async () => {
      const { replayed } = dataOf(await api.POST('/v1/webhooks/{id}/replay', { ...params, body }));
      dead.restart();
      return `${plural(replayed, what)} will be delivered again.`;
    });
  const enabled = webhook.data?.enabled ?? true;
  return (
    <Page
      title="Webhook"
      actions={
        <>
          {may('operate') && (
            <button
              type="button"
              onClick={() =>
                void act(async () => {
                  const { succeeded, status, error } = dataOf(
                    await api.POST('/v1/webhooks/{id}/test', params),
                  );
                  attempts.reload();
                  if (succeeded) return `It answered with ${status}.`;
                  throw new Error(error ?? `It answered with ${status}.`);
                })
              }
            >
              Send a test
            </button>
          )}
          {may('admin') && (
            <>
              <button
                type="button"
                onClick={() =>
                  void act(async () => {
                    dataOf(await api.PATCH('/v1/webhooks/{id}', { ...params, body: { enabled: !enabled } }));
                    webhook.reload();
                    return enabled ? 'It is off.' : 'It is enabled, and continues where it stopped.';
                  })
                }
              >
                {enabled ? 'Turn off' : 'Turn on'}
              </button>
              <button type="button" class="danger" onClick={() => setRemoving(true)}>
                Remove
              </button>
            </>
          )}
        </>
      }
    >
      <p>
        <a href={linkTo('webhooks')}>All webhooks</a>
      </p>
      <Loaded from={webhook}>{(data) => <About webhook={data} />}</Loaded>
      <Panel title="Latest calls">
        <Loaded from={attempts}>
          {(rows) => (
            <Table
              label="Latest calls"
              rows={rows}
              keyOf={({ eventId, at }) => `${eventId} ${at}`}
              empty="It was not called yet."
              columns={[
                { name: 'When', cell: ({ at }) => <When at={at} /> },
                { name: 'Event', cell: ({ type }) => <State value={type} /> },
                {
                  name: 'Result',
                  cell: ({ succeeded, status, error }) => (
                    <>
                      <span class={`tag ${succeeded ? 'fine' : 'error'}`}>{status ?? 'no answer'}</span>{' '}
                      {error}
                    </>
                  ),
                },
                { name: 'Attempt', end: true, cell: ({ attempt }) => attempt },
                { name: 'Took', end: true, cell: ({ durationMs }) => `${durationMs} ms` },
              ]}
            />
          )}
        </Loaded>
      </Panel>
      <Panel
        title="Given up"
        actions={
          may('operate') &&
          dead.rows.length > 0 && (
            <>
              <button type="button" onClick={() => setReplaying(true)}>
                Replay a span
              </button>
              <button type="button" onClick={() => void replay({ to: new Date().toISOString() }, 'event')}>
                Replay all
              </button>
            </>
          )
        }
      >
        <Table
          label="Events that were given up"
          rows={dead.rows}
          keyOf={(one) => one.id}
          empty={dead.loading ? 'Loading…' : 'None.'}
          columns={[
            { name: 'Event', cell: ({ type }) => <State value={type} /> },
            { name: 'Happened', cell: ({ at }) => <When at={at} /> },
            { name: 'Why', cell: ({ error }) => error },
            { name: 'Attempts', end: true, cell: ({ attempts: count }) => count },
            ...(may('operate')
              ? [
                  {
                    name: 'Action',
                    cell: (one: DeadLetter) => (
                      <button type="button" onClick={() => void replay({ ids: [one.id] }, 'event')}>
                        Replay
                      </button>
                    ),
                  },
                ]
              : []),
          ]}
        />
        <More list={dead} />
      </Panel>
      {replaying && (
        <ReplaySpan
          onReplay={async (span) => {
            if (await replay(span, 'event')) setReplaying(false);
          }}
          onClose={() => setReplaying(false)}
        />
      )}
      {removing && (
        <Dialog
          title="Remove the webhook"
          confirm="Remove"
          danger
          onConfirm={() =>
            void act(async () => {
              dataOf(await api.DELETE('/v1/webhooks/{id}', params));
              goTo('webhooks');
              return 'The webhook is removed.';
            })
          }
          onClose={() => setRemoving(false)}
        >
          <p>It is removed, with all events that wait for it.</p>
        </Dialog>
      )}
    </Page>
  );
}

/** Asks for the span of the events that are to be delivered again. */
function ReplaySpan({
  onReplay,
  onClose,
}: {
  readonly onReplay: (span: Schemas['Replay']) => Promise<void>;
  readonly onClose: () => void;
}) {
  const [from, setFrom] = useState('');
  const [to, setTo] = useState('');
  const at = (name: 'from' | 'to', value: string) =>
    value === '' ? {} : { [name]: new Date(value).toISOString() };
  return (
    <Dialog
      title="Replay a span"
      confirm="Replay"
      ready={from !== '' || to !== ''}
      onConfirm={() => void onReplay({ ...at('from', from), ...at('to', to) })}
      onClose={onClose}
    >
      <p>Events that were given up and happened in this span are delivered again.</p>
      <Field label="From" type="datetime-local" value={from} onInput={setFrom} hint="Empty: the first." />
      <Field label="To" type="datetime-local" value={to} onInput={setTo} hint="Empty: the last." />
    </Dialog>
  );
}

function About({ webhook }: { readonly webhook: Schemas['Webhook'] }) {
  const { url, description, types, tenant, tags, domains, status } = webhook;
  return (
    <Panel>
      <Facts
        facts={[
          ['Address', url],
          description !== undefined && ['Description', description],
          ['State', <Health key="state" of={webhook} />],
          ['Behind', lagOf(webhook)],
          ['Events', types?.join(', ') ?? 'all'],
          tenant !== undefined && ['Tenant', tenant],
          tags && ['Tags', tags.join(', ')],
          domains && ['Domains', domains.join(', ')],
          status && [
            'Calls',
            `${formatNumber(status.delivered)} succeeded, ${formatNumber(status.failed)} failed, ${formatNumber(status.waiting)} waiting`,
          ],
          status?.lastError !== undefined && ['Last failure', status.lastError],
        ]}
      />
    </Panel>
  );
}
