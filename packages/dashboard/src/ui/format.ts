const numbers = new Intl.NumberFormat('en');
const compactNumbers = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const moments = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

const days = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const times = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });

export const formatNumber = (value: number) => numbers.format(value);

/** Short from ten thousand on, for cards. */
export const formatCount = (value: number) =>
  value < 10_000 ? numbers.format(value) : compactNumbers.format(value);

/** A place on an axis of times, in epoch seconds: the day at its beginning, the time of day elsewhere. */
export function formatAxis(seconds: number): string {
  const at = new Date(seconds * 1000);
  return (at.getHours() === 0 && at.getMinutes() === 0 ? days : times).format(at);
}

export const formatMoment = (iso: string) => moments.format(new Date(iso));

/** A length of time with its two largest units, such as `2 h 5 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago, or in how long. */
export function formatAge(iso: string, now = Date.now()): string {
  const ms = now - Date.parse(iso);
  if (Math.abs(ms) < 1000) return 'now';
  return ms >= 0 ? `${formatDuration(ms)} ago` : `in ${formatDuration(-ms)}`;
}

export function formatBytes(octets: number): string {
  if (octets < 1024) return `${octets} B`;
  if (octets < 1024 ** 2) return `${(octets / 1024).toFixed(1)} KiB`;
  return `${(octets / 1024 ** 2).toFixed(1)} MiB`;
}

/** What a host said, else the reason where there was no reply; empty for neither. */
export function formatOutcome(detail: object | undefined): string {
  const { reply, reason } = (detail ?? {}) as {
    readonly reply?: { readonly code: number; readonly lines: readonly string[] };
    readonly reason?: string;
  };
  return reply ? `${reply.code} ${reply.lines.join(' ')}` : (reason ?? '');
}

/** The names of the keys of DKIM signatures. */
export const formatSigners = (
  signatures: readonly { readonly domain: string; readonly selector: string }[],
) => signatures.map(({ domain, selector }) => `${selector}._domainkey.${domain}`).join(', ');

/** What went wrong, in a sentence. */
export const errorText = (thrown: unknown) => (thrown instanceof Error ? thrown.message : String(thrown));

export const plural = (count: number, one: string, many = `${one}s`) =>
  `${formatNumber(count)} ${count === 1 ? one : many}`;
