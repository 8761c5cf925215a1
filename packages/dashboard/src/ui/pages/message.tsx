import { useState } from 'preact/hooks';
import { api, apiRoot, dataOf, may, type Schemas } from '../api.ts';
import { Dialog } from '../dialog.tsx';
import { formatBytes, formatMoment, formatOutcome, formatSigners, plural } from '../format.ts';
import { act, Facts, Loaded, Notice, Page, Panel, State, Table, When } from '../parts.tsx';
import { useResource } from '../resource.ts';
import { linkTo } from '../route.ts';
import { Attempt } from './attempt.tsx';
import { isFinished, Resend } from './resend.tsx';

type Message = Schemas['QueuedMessage'];
type Action = 'hold' | 'release' | 'cancel' | 'retry';

const actions: readonly (readonly [Action, string, (states: ReadonlySet<string>) => boolean])[] = [
  ['retry', 'Retry now', (states) => states.has('queued')],
  ['release', 'Release', (states) => states.has('held') || states.has('unknown')],
  ['hold', 'Hold', (states) => states.has('queued') || states.has('unknown')],
  ['cancel', 'Cancel', (states) => ['queued', 'held', 'unknown'].some((one) => states.has(one))],
];
const said: Readonly<Record<Action, string>> = {
  retry: 'due now',
  release: 'released',
  hold: 'held',
  cancel: 'cancelled',
};

/** A message with everything that is known of it. */
export function MessagePage({ id }: { readonly id: string }) {
  const params = { params: { path: { id } } };
  const message = useResource(id, async () => dataOf(await api.GET('/v1/messages/{id}', params)), {
    live: true,
  });
  const [tab, setTab] = useState<'timeline' | 'preview' | 'source'>('timeline');
  const [cancelling, setCancelling] = useState(false);
  const [resending, setResending] = useState(false);
  const hasContent = message.data?.hasContent ?? false;
  const readable = hasContent && may('content');
  const shownTab = readable ? tab : 'timeline';
  const finished = message.data?.recipients.filter(isFinished) ?? [];
  const change = (action: Action) =>
    act(async () => {
      const { changed } = dataOf(await api.POST(`/v1/messages/{id}/${action}`, params));
      message.reload();
      setCancelling(false);
      return `${plural(changed, 'recipient')} ${said[action]}.`;
    });
  const states = new Set(message.data?.recipients.map(({ state }) => state) ?? []);
  return (
    <Page
      title={`Message ${id}`}
      actions={
        <>
          {may('operate') &&
            actions.map(
              ([action, title, fits]) =>
                fits(states) && (
                  <button
                    key={action}
                    type="button"
                    class={action === 'cancel' ? 'danger' : ''}
                    onClick={() => (action === 'cancel' ? setCancelling(true) : void change(action))}
                  >
                    {title}
                  </button>
                ),
            )}
          {may('send') && hasContent && finished.length > 0 && (
            <button type="button" onClick={() => setResending(true)}>
              Send again
            </button>
          )}
          {readable && (
            <a
              class="button"
              href={`${apiRoot}v1/messages/${encodeURIComponent(id)}/content`}
              download={`${id}.eml`}
            >
              Download .eml
            </a>
          )}
        </>
      }
    >
      <p>
        <a href={linkTo('messages')}>All messages</a>
      </p>
      {message.data && !hasContent && (may('send') || may('content')) && (
        <Notice kind="info">
          The content of this message was deleted with its last outcome: it cannot be shown or sent again. To
          keep content for a time, start the service with <code>--keep-content 7d</code>.
        </Notice>
      )}
      <Loaded from={message}>{(data) => <About message={data} />}</Loaded>
      {message.data && (
        <>
          <div class="tabs" role="tablist" aria-label="Views of the message">
            {(['timeline', 'preview', 'source'] as const)
              .filter((one) => one === 'timeline' || readable)
              .map((one) => (
                <button
                  key={one}
                  id={`tab-${one}`}
                  type="button"
                  role="tab"
                  aria-selected={shownTab === one}
                  aria-controls="tab-panel"
                  tabIndex={shownTab === one ? 0 : -1}
                  onClick={() => setTab(one)}
                  onKeyDown={(event) => moveTab(event)}
                >
                  {one[0]!.toUpperCase() + one.slice(1)}
                </button>
              ))}
          </div>
          <div id="tab-panel" role="tabpanel" aria-labelledby={`tab-${shownTab}`}>
            {shownTab === 'timeline' && <Timeline id={id} />}
            {shownTab === 'preview' && <Preview id={id} />}
            {shownTab === 'source' && <Source id={id} />}
          </div>
        </>
      )}
      {resending && <Resend id={id} recipients={finished} onClose={() => setResending(false)} />}
      {cancelling && (
        <Dialog
          title="Cancel the message"
          confirm="Cancel the message"
          danger
          onConfirm={() => void change('cancel')}
          onClose={() => setCancelling(false)}
        >
          <p>Recipients that did not get it will not get it, and no report is sent. This cannot be undone.</p>
        </Dialog>
      )}
    </Page>
  );
}

/** Arrow keys move between tabs, as the pattern for tabs asks. */
function moveTab(event: KeyboardEvent): void {
  const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return;
  const tab = event.currentTarget as HTMLElement;
  const tabs = [...tab.parentElement!.querySelectorAll<HTMLElement>('[role=tab]')];
  const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length]!;
  next.focus();
  next.click();
}

function About({ message }: { readonly message: Message }) {
  const { sender, tenant, tag, sizeBytes, acceptedAt, expiresAt, recipients } = message;
  return (
    <>
      <Panel>
        <Facts
          facts={[
            ['From', sender === '' ? '(null return path)' : sender],
            ['Accepted', formatMoment(acceptedAt)],
            ['Tried until', formatMoment(expiresAt)],
            ['Size', formatBytes(sizeBytes)],
            tenant !== undefined && ['Tenant', tenant],
            tag !== undefined && ['Tag', tag],
          ]}
        />
      </Panel>
      <Panel title={plural(recipients.length, 'recipient')}>
        <Table
          label="Recipients"
          rows={recipients.slice(0, 500)}
          keyOf={({ id }) => id}
          empty="None."
          columns={[
            { name: 'Recipient', cell: ({ address }) => address },
            {
              name: 'State',
              cell: ({ state, inFlight }) => (
                <>
                  <State value={state} />
                  {inFlight && ' in flight'}
                </>
              ),
            },
            { name: 'Attempts', end: true, cell: ({ attempts }) => attempts },
            { name: 'Next attempt', cell: ({ nextAttemptAt }) => <When at={nextAttemptAt} /> },
            {
              name: 'Destination',
              cell: ({ destination }) => (
                <a class="break" href={linkTo('destinations', destination)}>
                  {destination}
                </a>
              ),
            },
            {
              name: 'Last reply',
              cell: ({ detail }) => detail && <span class="reply">{formatOutcome(detail)}</span>,
            },
          ]}
        />
        {recipients.length > 500 && <p class="muted">The first 500 are shown.</p>}
      </Panel>
    </>
  );
}

/** Every event, each attempt with its evidence. */
function Timeline({ id }: { readonly id: string }) {
  const events = useResource(
    `events ${id}`,
    async () => {
      const all: Schemas['Event'][] = [];
      for (let after: string | undefined, page = 0; page < 50; page++) {
        const { data, next } = dataOf(
          await api.GET('/v1/messages/{id}/events', {
            params: { path: { id }, query: { limit: 500, ...(after !== undefined && { after }) } },
          }),
        );
        all.push(...data);
        if (next === undefined) break;
        after = next;
      }
      return all;
    },
    { live: true },
  );
  return (
    <Loaded from={events}>
      {(all) => (
        <ol class="timeline">
          {all.map((event) => (
            <li key={`${event.cursor} ${event.type} ${event.recipientId ?? ''}`}>
              <Attempt event={event} />
            </li>
          ))}
          {all.length === 0 && <li class="empty">The events of this message are no longer kept.</li>}
        </ol>
      )}
    </Loaded>
  );
}

function Preview({ id }: { readonly id: string }) {
  const preview = useResource(`preview ${id}`, async () =>
    dataOf(await api.GET('/v1/messages/{id}/preview', { params: { path: { id } } })),
  );
  return (
    <Loaded from={preview}>
      {({ subject, from, to, cc, date, text, html, attachments, signatures }) => (
        <Panel>
          <Facts
            facts={[
              ['Subject', subject ?? '(none)'],
              ['From', from],
              ['To', to],
              cc !== '' && ['Cc', cc],
              date !== undefined && ['Date', formatMoment(date)],
              signatures.length > 0 && ['Signed by', formatSigners(signatures)],
              attachments.length > 0 && [
                'Attachments',
                attachments
                  .map(
                    ({ filename, contentType, sizeBytes }) =>
                      `${filename ?? contentType} (${formatBytes(sizeBytes)})`,
                  )
                  .join(', '),
              ],
            ]}
          />
          {html && (
            <iframe
              class="mail"
              title="HTML of the message"
              sandbox=""
              src={`${apiRoot}v1/messages/${encodeURIComponent(id)}/html`}
            />
          )}
          {text !== undefined && (
            <>
              {html && <h3>Text</h3>}
              {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard. */}
              <pre class="mail-text" tabIndex={0}>
                {text}
              </pre>
            </>
          )}
          {!html && text === undefined && <p class="muted">The message has no text.</p>}
        </Panel>
      )}
    </Loaded>
  );
}

/** Most octets of the source that are shown. */
const shownBytes = 200_000;

function Source({ id }: { readonly id: string }) {
  const source = useResource(`source ${id}`, async () => {
    const result = await api.GET('/v1/messages/{id}/content', {
      params: { path: { id } },
      parseAs: 'stream',
    });
    const stream = dataOf(result) as unknown as ReadableStream<Uint8Array>;
    const decoder = new TextDecoder();
    let text = '';
    // A browser of today iterates streams; leaving the loop ends the download.
    for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > shownBytes) return { text: text.slice(0, shownBytes), cut: true };
    }
    return { text, cut: false };
  });
  return (
    <Loaded from={source}>
      {({ text, cut }) => (
        <Panel>
          <p class="muted">As it is queued; the worker puts signatures in front when it sends.</p>
          {cut && (
            <Notice kind="info">Only the beginning is shown; download the message for the rest.</Notice>
          )}
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard. */}
          <pre class="source" tabIndex={0}>
            {text}
          </pre>
        </Panel>
      )}
    </Loaded>
  );
}
