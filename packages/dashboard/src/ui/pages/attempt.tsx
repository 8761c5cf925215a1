import type { ComponentChildren } from 'preact';
import type { Schemas } from '../api.ts';
import { formatDuration, formatMoment, formatOutcome, formatSigners } from '../format.ts';
import { Facts, State, When } from '../parts.tsx';

/** The details of an attempt that are shown. */
interface Detail {
  readonly host?: string;
  readonly address?: string;
  readonly source?: string;
  readonly stage?: string;
  readonly reply?: { readonly code: number; readonly lines: readonly string[] };
  readonly enhanced?: string;
  readonly reason?: string;
  readonly category?: string;
  readonly action?: string;
  readonly rule?: string;
  readonly acceptedAt?: number;
  readonly attemptedAt?: number;
  readonly signatures?: readonly { readonly domain: string; readonly selector: string }[];
  readonly tls?: Readonly<Record<string, unknown>> & { readonly secure?: boolean };
  readonly transcript?: readonly { readonly direction: string; readonly text: string }[];
}

/** Details that are shown elsewhere, and those that are not shown. */
const shownApart = new Set([
  ...['host', 'address', 'source', 'stage', 'reply', 'enhanced', 'reason', 'category', 'action', 'rule'],
  ...['acceptedAt', 'attemptedAt', 'signatures', 'tls', 'transcript'],
  ...['status', 'attempt', 'maybeDelivered', 'scope'],
]);

/** An event, with its evidence behind a click. */
export function Attempt({ event }: { readonly event: Schemas['Event'] }) {
  const { type, at, address, attempt, nextAttemptAt } = event;
  const detail = (event.detail ?? {}) as Detail;
  const { reply, reason } = detail;
  const rest = Object.entries(detail).filter(([name]) => !shownApart.has(name));
  const line = (
    <>
      <State value={type} />
      {address !== undefined && <span class="to">{address}</span>}
      {attempt > 0 && type !== 'attempted' && <span class="muted">attempt {attempt}</span>}
      <span class="space" />
      <time dateTime={at}>{formatMoment(at)}</time>
    </>
  );
  if (Object.keys(detail).length === 0) return <div class="event">{line}</div>;
  return (
    <details class="event">
      <summary>
        {line}
        {(reply || reason) && <span class="reply">{formatOutcome(detail)}</span>}
      </summary>
      <div class="evidence">
        <Facts
          facts={[
            detail.host !== undefined && ['Host', [detail.host, detail.address].filter(Boolean).join(' at ')],
            detail.source !== undefined && ['Sent from', detail.source],
            detail.stage !== undefined && ['Last stage', detail.stage],
            reply && ['Reply', <code key="reply">{formatOutcome(detail)}</code>],
            reason !== undefined && ['Why', reason],
            detail.category !== undefined && [
              'Meaning',
              [detail.category, detail.action, detail.rule && `rule ${detail.rule}`]
                .filter(Boolean)
                .join(', '),
            ],
            detail.acceptedAt !== undefined && [
              'Time to delivery',
              formatDuration(Date.parse(at) - detail.acceptedAt),
            ],
            nextAttemptAt !== undefined && ['Next attempt', <When key="next" at={nextAttemptAt} />],
            detail.signatures && ['Signed by', formatSigners(detail.signatures)],
            ...rest.map(([name, value]) => [name, shown(value)] as const),
          ]}
        />
        {detail.tls && <Tls tls={detail.tls} />}
        {detail.transcript && <Transcript lines={detail.transcript} />}
      </div>
    </details>
  );
}

function Tls({ tls }: { readonly tls: NonNullable<Detail['tls']> }) {
  const { secure, ...facts } = tls;
  return (
    <section>
      <h3>TLS</h3>
      <Facts
        facts={[
          ['Encrypted', secure ? 'yes' : 'no'],
          ...Object.entries(facts).map(([name, value]) => [tlsNames[name] ?? name, shown(value)] as const),
        ]}
      />
    </section>
  );
}

const tlsNames: Readonly<Record<string, string>> = {
  level: 'Asked for',
  protocol: 'Protocol',
  cipher: 'Cipher',
  verifiedBy: 'Verified by',
  peerNames: 'Names in the certificate',
  fingerprint: 'SHA-256 of the certificate',
  issuer: 'Issuer',
  validFrom: 'Valid from',
  validTo: 'Valid until',
  error: 'Why not',
  failure: 'Failure',
};

function Transcript({ lines }: { readonly lines: NonNullable<Detail['transcript']> }) {
  const marks: Readonly<Record<string, string>> = { client: 'C:', server: 'S:' };
  return (
    <section>
      <h3>Transcript</h3>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable with the keyboard. */}
      <pre class="transcript" tabIndex={0}>
        {lines.map(({ direction, text }) => `${marks[direction] ?? '# '} ${text}`).join('\n')}
      </pre>
    </section>
  );
}

function shown(value: unknown): ComponentChildren {
  if (Array.isArray(value) && value.every((one) => typeof one !== 'object')) return value.join(', ');
  return typeof value === 'object' && value !== null ? <code>{JSON.stringify(value)}</code> : String(value);
}
