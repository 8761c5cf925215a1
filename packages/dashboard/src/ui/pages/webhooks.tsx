import { useState } from 'preact/hooks';
import { api, dataOf, may, type Schemas } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { Field } from '../field.tsx';
import { formatDuration, formatNumber } from '../format.ts';
import { act, Copy, More, Notice, Page, Panel, Table, When } from '../parts.tsx';
import { goTo, linkTo } from '../route.ts';
import { usePages } from '../use-pages.ts';

type Webhook = Schemas['Webhook'];

/** How far a webhook is behind: the time since everything was handed over. */
export function lagOf({ status }: Webhook): string {
  if (!status?.upTo) return '–';
  if (status.waiting === 0) return 'none';
  return formatDuration(Math.max(0, Date.now() - Date.parse(status.upTo)));
}

export function Health({ of }: { readonly of: Webhook }) {
  const { enabled, disabledReason, status } = of;
  if (!enabled) return <span class="tag warning">{disabledReason ?? 'off'}</span>;
  if (status?.failingSince !== undefined) return <span class="tag error">failing</span>;
  return <span class="tag fine">on</span>;
}

/** Programs that are notified of events. */
export function WebhooksPage() {
  const list = usePages<Webhook>('webhooks', (after) =>
    api
      .GET('/v1/webhooks', { params: { query: { limit: 100, ...(after !== undefined && { after }) } } })
      .then(dataOf),
  );
  const [adding, setAdding] = useState(false);
  const [made, setMade] = useState<Schemas['WebhookWithSecret']>();
  return (
    <Page
      title="Webhooks"
      actions={
        may('admin') && (
          <button type="button" class="primary" onClick={() => setAdding(true)}>
            Add a webhook
          </button>
        )
      }
    >
      <p class="muted">
        Programs at these addresses are notified of deliveries, failures, bounces and complaints.
      </p>
      {list.error !== undefined && <Notice kind="error">{list.error}</Notice>}
      <Panel>
        <Table
          label="Webhooks"
          rows={list.rows}
          keyOf={({ id }) => id}
          empty={list.loading ? 'Loading…' : 'There is no webhook.'}
          columns={[
            { name: 'Address', cell: ({ id, url }) => <a href={linkTo('webhooks', id)}>{url}</a> },
            { name: 'State', cell: (one) => <Health of={one} /> },
            { name: 'Behind', cell: (one) => lagOf(one) },
            { name: 'Given up', end: true, cell: ({ status }) => formatNumber(status?.deadLetters ?? 0) },
            { name: 'Last success', cell: ({ status }) => <When at={status?.lastSuccessAt} /> },
            { name: 'Events', cell: ({ types }) => types?.join(', ') ?? 'all' },
          ]}
        />
        <More list={list} />
      </Panel>
      {adding && (
        <Add
          onClose={() => setAdding(false)}
          onMade={(webhook) => {
            setAdding(false);
            setMade(webhook);
            list.restart();
          }}
        />
      )}
      {made && (
        <Dialog
          title="The secret of the webhook"
          onClose={() => {
            setMade(undefined);
            goTo('webhooks', made.id);
          }}
        >
          <p>Copy it now: it is shown once. The program verifies calls with it.</p>
          <p>
            <code class="token">{made.secret}</code>
          </p>
          <p>
            <Copy text={made.secret} what="the secret" />
          </p>
        </Dialog>
      )}
    </Page>
  );
}

function Add({
  onMade,
  onClose,
}: {
  readonly onMade: (webhook: Schemas['WebhookWithSecret']) => void;
  readonly onClose: () => void;
}) {
  const [url, setUrl] = useState('');
  const [description, setDescription] = useState('');
  return (
    <Dialog
      title="Add a webhook"
      confirm="Add"
      ready={url.trim() !== ''}
      onConfirm={() =>
        void act(async () => {
          const body = {
            url: url.trim(),
            ...(description.trim() !== '' && { description: description.trim() }),
          };
          onMade(dataOf(await api.POST('/v1/webhooks', { body })));
          return 'It is notified of events from now on.';
        })
      }
      onClose={onClose}
    >
      <Field
        label="Address"
        type="url"
        value={url}
        onInput={setUrl}
        placeholder="https://example.com/mail-events"
        required
      />
      <Field label="Description" value={description} onInput={setDescription} />
    </Dialog>
  );
}
