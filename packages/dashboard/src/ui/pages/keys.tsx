import { useState } from 'preact/hooks';
import { api, dataOf, type Schemas, seesAll, session } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { Check, Field } from '../field.tsx';
import { act, Copy, More, Notice, Page, Panel, Table, When } from '../parts.tsx';
import { usePages } from '../use-pages.ts';

type Key = Schemas['ApiKey'];
const scopes = {
  send: 'send mail',
  read: 'look at messages, recipients and events',
  content: 'read the content of messages',
  operate: 'hold, release, cancel; suppressions; destinations',
  admin: 'keys, settings and the audit log',
} as const;
type Scope = keyof typeof scopes;

/** Who may use the API. */
export function KeysPage() {
  const list = usePages<Key>('keys', async (after) =>
    seesAll()
      ? dataOf(
          await api.GET('/v1/keys', {
            params: { query: { limit: 100, ...(after !== undefined && { after }) } },
          }),
        )
      : { data: [] },
  );
  const [making, setMaking] = useState(false);
  const [token, setToken] = useState<string>();
  const [revoking, setRevoking] = useState<Key>();
  return (
    <Page
      title="Keys"
      actions={
        <button type="button" class="primary" onClick={() => setMaking(true)}>
          New key
        </button>
      }
    >
      {list.error !== undefined && <Notice kind="error">{list.error}</Notice>}
      <Panel>
        <Table
          label="Keys"
          rows={list.rows}
          keyOf={({ id }) => id}
          empty={
            list.loading
              ? 'Loading…'
              : seesAll()
                ? 'There is no key.'
                : 'A key of one tenant makes keys, and does not list them.'
          }
          columns={[
            { name: 'Name', cell: ({ name }) => name },
            { name: 'Scopes', cell: (key) => key.scopes.join(', ') },
            { name: 'Tenant', cell: ({ tenant }) => tenant ?? 'all' },
            { name: 'Last used', cell: ({ lastUsedAt }) => <When at={lastUsedAt} /> },
            { name: 'Expires', cell: ({ expiresAt }) => <When at={expiresAt} /> },
            { name: 'Id', cell: ({ id }) => <code>{id}</code> },
            {
              name: 'Action',
              cell: (key) => (
                <button type="button" aria-label={`Revoke ${key.name}`} onClick={() => setRevoking(key)}>
                  Revoke
                </button>
              ),
            },
          ]}
        />
        <More list={list} />
      </Panel>
      {making && (
        <NewKey
          onClose={() => setMaking(false)}
          onMade={(made) => {
            setMaking(false);
            setToken(made);
            list.restart();
          }}
        />
      )}
      {token !== undefined && (
        <Dialog title="The new key" onClose={() => setToken(undefined)}>
          <p>Copy the token now: it is shown once.</p>
          <p>
            <code class="token">{token}</code>
          </p>
          <p>
            <Copy text={token} what="the token" />
          </p>
        </Dialog>
      )}
      {revoking && (
        <Dialog
          title={`Revoke ${revoking.name}`}
          confirm="Revoke"
          danger
          onConfirm={() =>
            void act(async () => {
              dataOf(await api.DELETE('/v1/keys/{id}', { params: { path: { id: revoking.id } } }));
              setRevoking(undefined);
              list.restart();
              return `${revoking.name} is revoked.`;
            })
          }
          onClose={() => setRevoking(undefined)}
        >
          <p>
            Programs with this key are refused from now on.{' '}
            {revoking.id === session.value?.key.id && <strong>You are logged in with it.</strong>}
          </p>
        </Dialog>
      )}
    </Page>
  );
}

function NewKey({
  onMade,
  onClose,
}: {
  readonly onMade: (token: string) => void;
  readonly onClose: () => void;
}) {
  const [name, setName] = useState('');
  const [tenant, setTenant] = useState('');
  const [expires, setExpires] = useState('');
  const [chosen, setChosen] = useState<readonly Scope[]>(['send', 'read']);
  return (
    <Dialog
      title="New key"
      confirm="Make the key"
      ready={name.trim() !== '' && chosen.length > 0}
      onConfirm={() =>
        void act(async () => {
          const { token } = dataOf(
            await api.POST('/v1/keys', {
              body: {
                name: name.trim(),
                scopes: [...chosen],
                ...(tenant.trim() !== '' && { tenant: tenant.trim() }),
                ...(expires !== '' && { expiresAt: new Date(expires).toISOString() }),
              },
            }),
          );
          onMade(token);
          return 'The key is made.';
        })
      }
      onClose={onClose}
    >
      <Field label="Name" value={name} onInput={setName} hint="Which program has it." required />
      <fieldset>
        <legend>It may</legend>
        {Object.entries(scopes).map(([scope, meaning]) => (
          <Check
            key={scope}
            checked={chosen.includes(scope as Scope)}
            onChange={(checked) =>
              setChosen(checked ? [...chosen, scope as Scope] : chosen.filter((one) => one !== scope))
            }
          >
            <strong>{scope}</strong>: {meaning}
          </Check>
        ))}
      </fieldset>
      {seesAll() && (
        <Field label="Tenant" value={tenant} onInput={setTenant} hint="Empty: it acts for all tenants." />
      )}
      <Field
        label="Expires"
        type="datetime-local"
        value={expires}
        onInput={setExpires}
        hint="Empty: never."
      />
    </Dialog>
  );
}
