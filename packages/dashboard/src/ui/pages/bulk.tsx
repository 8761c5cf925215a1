import { useEffect, useRef, useState } from 'preact/hooks';
import { api, dataOf, type Schemas, seesAll } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { Check, Choice, Field, stateOptions } from '../field.tsx';
import { errorText, formatNumber, plural } from '../format.ts';
import { act, Notice, Page, Panel, State, Table, When } from '../parts.tsx';
import { linkTo } from '../route.ts';

type Recipient = Schemas['Recipient'];
const names = ['state', 'domain', 'destination', 'tag', 'tenant', 'messageId'] as const;
type Conditions = Readonly<Record<(typeof names)[number], string>>;
const none = Object.fromEntries(names.map((name) => [name, ''])) as Conditions;
const sampleRows = 10;

const actions = {
  hold: 'Hold',
  release: 'Release',
  retry: 'Retry now',
  cancel: 'Cancel',
} as const;
type Action = keyof typeof actions;

/** What is chosen: the conditions that are given. */
function givenOf(conditions: Conditions): Partial<Conditions> {
  return Object.fromEntries(Object.entries(conditions).filter(([, value]) => value !== ''));
}

/** Changes many recipients: choose, count, look at some, and confirm the number. */
export function BulkPage() {
  const [conditions, setConditions] = useState<Conditions>({ ...none, state: 'queued' });
  const [all, setAll] = useState(false);
  const [action, setAction] = useState<Action>();
  const chosen = useChosen();
  const set = (name: keyof Conditions) => (value: string) => {
    setConditions({ ...conditions, [name]: value });
    chosen.clear();
  };
  const given = givenOf(conditions);
  const empty = !all && Object.keys(given).length === 0;
  const run = (name: Action, count: number) =>
    act(async () => {
      const selector = all ? { all: true as const } : (given as Schemas['Selector']);
      const { changed } = dataOf(
        await api.POST(`/v1/recipients/${name}`, { body: { ...selector, atMost: count } }),
      );
      setAction(undefined);
      chosen.clear();
      return `${plural(changed, 'recipient')} changed.`;
    });
  return (
    <Page title="Bulk">
      <p class="muted">
        Choose recipients by conditions, count them, and then hold, release, retry or cancel all of them.
      </p>
      <form
        class="filter panel"
        onSubmit={(event) => {
          event.preventDefault();
          if (!empty) void chosen.find(all ? {} : given);
        }}
      >
        <div class="fields">
          {!all && (
            <>
              <Choice label="State" value={conditions.state} options={stateOptions} onChange={set('state')} />
              <Field label="Domain" value={conditions.domain} onInput={set('domain')} />
              <Field label="Destination" value={conditions.destination} onInput={set('destination')} />
              <Field label="Tag" value={conditions.tag} onInput={set('tag')} />
              {seesAll() && <Field label="Tenant" value={conditions.tenant} onInput={set('tenant')} />}
              <Field label="Message id" value={conditions.messageId} onInput={set('messageId')} />
            </>
          )}
        </div>
        <Check
          checked={all}
          onChange={(checked) => {
            setAll(checked);
            chosen.clear();
          }}
        >
          The whole queue
        </Check>
        <div class="actions">
          <button type="submit" class="primary" disabled={empty || chosen.busy}>
            {chosen.busy ? 'Counting…' : 'Count'}
          </button>
        </div>
        {empty && <p class="muted">Give at least one condition.</p>}
      </form>
      {chosen.error !== undefined && <Notice kind="error">{chosen.error}</Notice>}
      {chosen.count !== undefined && (
        <Panel title={`${plural(chosen.count, 'recipient')} ${chosen.busy ? 'so far' : 'chosen'}`}>
          <Table<Recipient>
            label="Some of them"
            rows={chosen.sample}
            keyOf={({ id }) => id}
            empty={chosen.busy ? 'Searching…' : 'None.'}
            columns={[
              {
                name: 'Message',
                cell: ({ messageId }) => <a href={linkTo('message', messageId)}>{messageId}</a>,
              },
              { name: 'Recipient', cell: ({ address }) => address },
              { name: 'State', cell: ({ state }) => <State value={state} /> },
              { name: 'Accepted', wide: true, cell: ({ acceptedAt }) => <When at={acceptedAt} /> },
              { name: 'Destination', wide: true, cell: ({ destination }) => destination },
            ]}
          />
          {chosen.count > chosen.sample.length && chosen.sample.length > 0 && (
            <p class="muted">The first {chosen.sample.length} are shown.</p>
          )}
          {!chosen.busy && chosen.count > 0 && (
            <div class="actions">
              {Object.entries(actions).map(([name, title]) => (
                <button
                  key={name}
                  type="button"
                  class={name === 'cancel' ? 'danger' : ''}
                  onClick={() => setAction(name as Action)}
                >
                  {title}
                </button>
              ))}
            </div>
          )}
        </Panel>
      )}
      {action && chosen.count !== undefined && (
        <Confirm
          action={action}
          count={chosen.count}
          onConfirm={() => void run(action, chosen.count!)}
          onClose={() => setAction(undefined)}
        />
      )}
    </Page>
  );
}

/** The count of what is chosen, which grows while the server counts, and a sample. */
function useChosen() {
  const [count, setCount] = useState<number>();
  const [sample, setSample] = useState<readonly Recipient[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const turn = useRef(0);
  useEffect(
    () => () => {
      turn.current++;
    },
    [],
  );
  const clear = () => {
    turn.current++;
    setCount(undefined);
    setSample([]);
    setBusy(false);
    setError(undefined);
  };
  const find = async (given: Partial<Conditions>) => {
    clear();
    const mine = turn.current;
    setBusy(true);
    const query = given as Record<string, never>;
    try {
      let sum = 0;
      let after: string | undefined;
      let rows: Recipient[] = [];
      setCount(0);
      do {
        const part = dataOf(
          await api.GET('/v1/recipients/count', {
            params: { query: { ...query, ...(after !== undefined && { after }) } },
          }),
        );
        if (mine !== turn.current) return;
        sum += part.count;
        setCount(sum);
        if (part.count > 0 && rows.length < sampleRows) {
          const page = await samplePage(query, after);
          if (mine !== turn.current) return;
          rows = [...rows, ...page].slice(0, sampleRows);
          setSample(rows);
        }
        after = part.next;
      } while (after !== undefined);
    } catch (thrown) {
      if (mine === turn.current) setError(errorText(thrown));
    } finally {
      if (mine === turn.current) setBusy(false);
    }
  };
  return { count, sample, busy, error, clear, find };
}

async function samplePage(query: Record<string, never>, after: string | undefined): Promise<Recipient[]> {
  const { data } = dataOf(
    await api.GET('/v1/recipients', {
      params: { query: { ...query, limit: sampleRows, ...(after !== undefined && { after }) } },
    }),
  );
  return data;
}

function Confirm({
  action,
  count,
  onConfirm,
  onClose,
}: {
  readonly action: Action;
  readonly count: number;
  readonly onConfirm: () => void;
  readonly onClose: () => void;
}) {
  const [typed, setTyped] = useState('');
  return (
    <Dialog
      title={`${actions[action]}: ${plural(count, 'recipient')}`}
      confirm={actions[action]}
      danger={action === 'cancel'}
      ready={typed.replace(/[\s,]/g, '') === String(count)}
      onConfirm={onConfirm}
      onClose={onClose}
    >
      <p>
        {action === 'cancel'
          ? 'They will not get the message, and no report is sent. This cannot be undone.'
          : 'Recipients that have changed their state by then are left as they are.'}
      </p>
      <Field label={`Type ${formatNumber(count)} to confirm`} value={typed} onInput={setTyped} required />
    </Dialog>
  );
}
