import { useEffect, useState } from 'preact/hooks';
import { api, dataOf, type Schemas } from '../api.ts';
import { Choice, Field, stateOptions } from '../field.tsx';
import { formatBytes, formatNumber } from '../format.ts';
import { liveTick } from '../live.ts';
import { More, Notice, Page, Panel, State, Table, When } from '../parts.tsx';
import { goTo, linkTo, route } from '../route.ts';
import { type PageOf, usePages } from '../use-pages.ts';

type Summary = Schemas['MessageSummary'];
const names = [
  'search',
  'recipient',
  'sender',
  'domain',
  'tag',
  'tenant',
  'state',
  'from',
  'before',
] as const;
type Filter = Readonly<Record<(typeof names)[number], string>>;

/** Most requests for one page. */
const mostRequests = 50;
const pageRows = 50;

function filterOf(query: URLSearchParams): Filter {
  return Object.fromEntries(names.map((name) => [name, query.get(name) ?? ''])) as Filter;
}

/** Messages that match the filter, the latest first. */
export function MessagesPage() {
  const { query } = route.value;
  const key = query.toString();
  const list = useMessages(filterOf(query), key);
  return (
    <Page title="Messages">
      <Search key={key} filter={filterOf(query)} />
      {list.error !== undefined && <Notice kind="error">{list.error}</Notice>}
      {list.fresh && (
        <p>
          <button type="button" onClick={list.restart}>
            Show what is new
          </button>
        </p>
      )}
      <Panel>
        <Table<Summary>
          label="Messages"
          rows={list.rows}
          keyOf={({ id }) => id}
          empty={
            list.loading
              ? 'Searching…'
              : key === ''
                ? 'There is no message yet.'
                : 'No message matches the filter.'
          }
          columns={[
            { name: 'Accepted', cell: ({ acceptedAt }) => <When at={acceptedAt} /> },
            { name: 'Id', cell: ({ id }) => <a href={linkTo('message', id)}>{id}</a> },
            {
              name: 'From',
              cell: ({ sender }) => (sender === '' ? <span class="muted">(null)</span> : sender),
            },
            {
              name: 'To',
              cell: ({ firstRecipient, recipients }) =>
                recipients === 1
                  ? firstRecipient
                  : `${firstRecipient} and ${formatNumber(recipients - 1)} more`,
            },
            {
              name: 'State',
              cell: ({ states, recipients }) =>
                Object.entries(states).map(([state, count]) => (
                  <span key={state} class="state-count">
                    <State value={state} />
                    {recipients > 1 && ` ${formatNumber(count)}`}
                  </span>
                )),
            },
            { name: 'Tag', wide: true, cell: ({ tag }) => tag ?? '' },
            { name: 'Tenant', wide: true, cell: ({ tenant }) => tenant ?? '' },
            { name: 'Size', wide: true, end: true, cell: ({ sizeBytes }) => formatBytes(sizeBytes) },
          ]}
        />
        <More list={list} />
      </Panel>
    </Page>
  );
}

/** The rows so far, how to get more, and whether there are new ones that are not shown. */
function useMessages(filter: Filter, key: string) {
  const list = usePages<Summary>(key, (after, show) => filledPage(filter, after, show));
  const tick = liveTick.value;
  const [seenTick, setSeenTick] = useState(tick);
  useEffect(() => setSeenTick(liveTick.value), [key]);
  // The first page is loaded again by itself while nothing further was loaded: a new message appears at once.
  const short = list.rows.length <= pageRows && !list.later;
  const busy = list.loading || list.refreshing;
  useEffect(() => {
    if (tick === seenTick || !short || busy) return;
    setSeenTick(tick);
    list.refresh();
  }, [tick, short, busy]);
  return {
    ...list,
    fresh: !short && tick > seenTick,
    restart: () => {
      setSeenTick(liveTick.value);
      list.restart();
    },
  };
}

/** Requests more until a page is full: a filter that matches little gives short pages. */
async function filledPage(
  filter: Filter,
  after: string | undefined,
  show: (part: PageOf<Summary>) => boolean,
): Promise<PageOf<Summary>> {
  let found: PageOf<Summary> = { data: [], next: after };
  for (let request = 0; request < mostRequests && found.data.length < pageRows; request++) {
    const { data, next } = await messagePage(filter, found.next);
    found = { data: [...found.data, ...data], next };
    if (next === undefined || !show(found)) break;
  }
  return found;
}

async function messagePage(filter: Filter, after: string | undefined) {
  const { from, before, state, ...words } = filter;
  const given = Object.fromEntries(Object.entries(words).filter(([, value]) => value !== ''));
  return dataOf(
    await api.GET('/v1/messages', {
      params: {
        query: {
          ...given,
          ...(state !== '' && { state: state as Schemas['Recipient']['state'] }),
          ...(from !== '' && { acceptedFrom: new Date(from).toISOString() }),
          ...(before !== '' && { acceptedBefore: new Date(before).toISOString() }),
          ...(after !== undefined && { after }),
          limit: pageRows,
        },
      },
    }),
  );
}

function Search({ filter }: { readonly filter: Filter }) {
  const [draft, setDraft] = useState<Filter>(filter);
  const [id, setId] = useState('');
  const [open, setOpen] = useState(
    names.some((name) => name !== 'search' && name !== 'state' && filter[name] !== ''),
  );
  const set = (name: keyof Filter) => (value: string) => setDraft({ ...draft, [name]: value });
  return (
    <form
      class="filter panel"
      onSubmit={(event) => {
        event.preventDefault();
        if (id.trim() !== '') goTo('message', id.trim());
        else goTo('messages', undefined, { ...draft });
      }}
    >
      <div class="fields">
        <Field label="Part of an address" type="search" value={draft.search} onInput={set('search')} />
        <Choice label="State" value={draft.state} options={stateOptions} onChange={set('state')} />
        <Field label="Id" value={id} onInput={setId} />
        {open && (
          <>
            <Field label="Recipient" value={draft.recipient} onInput={set('recipient')} />
            <Field label="Sender" value={draft.sender} onInput={set('sender')} />
            <Field label="Domain" value={draft.domain} onInput={set('domain')} />
            <Field label="Tag" value={draft.tag} onInput={set('tag')} />
            <Field label="Tenant" value={draft.tenant} onInput={set('tenant')} />
            <Field label="Accepted from" type="datetime-local" value={draft.from} onInput={set('from')} />
            <Field
              label="Accepted before"
              type="datetime-local"
              value={draft.before}
              onInput={set('before')}
            />
          </>
        )}
      </div>
      <div class="actions">
        <button type="submit" class="primary">
          Search
        </button>
        <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Fewer fields' : 'More fields'}
        </button>
        <button type="button" onClick={() => goTo('messages')}>
          Clear
        </button>
      </div>
    </form>
  );
}
