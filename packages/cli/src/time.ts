/** Formats a time in the time zone of the machine: `2026-01-31 14:05:09`. */
export function formatMoment(at: number): string {
  const date = new Date(at);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

/** Formats the distance of a time from now, in its largest unit: `in 4 min`, `2 h ago`, `now`. */
export function formatDistance(at: number, now = Date.now()): string {
  const distance = Math.abs(at - now);
  if (distance < 1000) return 'now';
  const text = formatSpan(distance);
  return at > now ? `in ${text}` : `${text} ago`;
}

/** Formats a length of time in its largest unit: `4 min`, `0 s`. */
export function formatSpan(lengthMs: number): string {
  const [name, unit] = UNITS.find(([, unit]) => lengthMs >= unit) ?? ['s', 1000];
  return `${Math.floor(lengthMs / unit)} ${name}`;
}
