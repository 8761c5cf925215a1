import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { online } from './api.ts';
import { errorText, formatAge, formatMoment } from './format.ts';
import type { Resource } from './resource.ts';
import { useScrollHint } from './scroll-hint.ts';
import type { Pages } from './use-pages.ts';

/** A page: its heading gets the focus when the page changes, so that a screen reader announces it. */
export function Page({
  title,
  actions,
  children,
}: {
  readonly title: string;
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · mb`;
    heading.current?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [title]);
  return (
    <>
      <div class="page-head">
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children}
    </>
  );
}

export function Panel({
  title,
  children,
  actions,
}: {
  readonly title?: string;
  readonly children: ComponentChildren;
  readonly actions?: ComponentChildren;
}) {
  return (
    <section class="panel">
      {title !== undefined && (
        <div class="panel-head">
          <h2>{title}</h2>
          {actions}
        </div>
      )}
      {children}
    </section>
  );
}

/** The loaded data, or the reason why there is none. */
export function Loaded<Data>({
  from,
  children,
}: {
  readonly from: Resource<Data>;
  readonly children: (data: Data) => ComponentChildren;
}) {
  const { data, error, loading } = from;
  return (
    <>
      {/* That the server does not answer is said above the page. */}
      {error !== undefined && online.value && <Notice kind="error">{error}</Notice>}
      {data !== undefined ? children(data) : loading && <p class="muted">Loading…</p>}
    </>
  );
}

export function Notice({
  kind,
  children,
}: {
  readonly kind: 'error' | 'warning' | 'info';
  readonly children: ComponentChildren;
}) {
  return (
    <div class={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
      {children}
    </div>
  );
}

/** A state or type of event, as a word with a colour. */
export function State({ value }: { readonly value: string }) {
  return <span class={`state ${value}`}>{value}</span>;
}

/** A moment: its distance from now, with the exact time on demand. */
export function When({ at }: { readonly at: string | undefined }) {
  if (at === undefined) return <span class="muted">–</span>;
  return (
    <time dateTime={at} title={formatMoment(at)}>
      {formatAge(at)}
    </time>
  );
}

/** A button that puts a text into the clipboard. */
export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    return 'Copied.';
  };
  return (
    <button type="button" class="small" aria-label={`Copy ${what}`} onClick={() => void act(copy)}>
      Copy
    </button>
  );
}

/** A column of a table. */
export interface Column<Row> {
  readonly name: string;
  readonly cell: (row: Row) => ComponentChildren;
  /** Numbers are to the right. */
  readonly end?: boolean;
  /** Left out on narrow screens. */
  readonly wide?: boolean;
}

/** A part that is scrolled sideways, also with the keyboard; its edge says where there is more. */
function Scroll({ label, children }: { readonly label: string; readonly children: ComponentChildren }) {
  const box = useRef<HTMLElement>(null);
  useScrollHint(box);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard.
    <section ref={box} class="scroll" aria-label={label} tabIndex={0}>
      {children}
    </section>
  );
}

/** A table; on narrow screens each row is a block with a line for each cell. */
export function Table<Row>({
  label,
  columns,
  rows,
  keyOf,
  empty,
}: {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** Shown when there is no row. */
  readonly empty: string;
}) {
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  const classOf = ({ end, wide }: Column<Row>) => `${end ? 'end' : ''} ${wide ? 'wide' : ''}`.trim();
  return (
    <Scroll label={label}>
      <table>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" class={classOf(column)}>
                {column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.name} class={classOf(column)} data-name={column.name}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/**
 * Loads the next page of a list when its button comes into view; only when the button is pressed after a failure, so
 * that a failing server is not asked again and again, and where the next page replaces the one shown.
 */
export function More({
  list: { next, loading, error, full, later, more, restart },
}: {
  readonly list: Pick<Pages<unknown>, 'next' | 'loading' | 'error' | 'full' | 'later' | 'more' | 'restart'>;
}) {
  const button = useRef<HTMLButtonElement>(null);
  const latest = useRef(more);
  latest.current = more;
  useEffect(() => {
    const observer = new IntersectionObserver((entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting)) latest.current();
    });
    if (button.current && !loading && !full && error === undefined) observer.observe(button.current);
    return () => observer.disconnect();
  }, [next, loading, full, error]);
  if (next === undefined && !later) return null;
  return (
    <p class="more">
      {later && (
        <button type="button" disabled={loading} onClick={restart}>
          Back to the first
        </button>
      )}
      {next !== undefined && (
        <button ref={button} type="button" disabled={loading} onClick={more}>
          {loading ? 'Loading…' : full ? 'Show the next' : 'Show more'}
        </button>
      )}
    </p>
  );
}

/** Terms with what they are. */
export function Facts({
  facts,
}: {
  readonly facts: readonly (readonly [string, ComponentChildren] | undefined | false)[];
}) {
  return (
    <dl class="facts">
      {facts.map(
        (fact) =>
          fact && (
            <div key={fact[0]}>
              <dt>{fact[0]}</dt>
              <dd>{fact[1]}</dd>
            </div>
          ),
      )}
    </dl>
  );
}

/** Announces the last action once. */
export const toast = signal<{ readonly text: string; readonly failed: boolean } | undefined>(undefined);
let timer: ReturnType<typeof setTimeout> | undefined;

function say(text: string, failed = false): void {
  toast.value = { text, failed };
  clearTimeout(timer);
  timer = setTimeout(() => {
    toast.value = undefined;
  }, 8000);
}

/** Runs an action and announces its result. @returns whether it succeeded */
export async function act(work: () => Promise<string>): Promise<boolean> {
  try {
    say(await work());
    return true;
  } catch (error) {
    say(errorText(error), true);
    return false;
  }
}
