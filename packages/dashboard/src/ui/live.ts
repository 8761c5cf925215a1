import { signal } from '@preact/signals';
import { apiRoot, loadSession, online, type Schemas, session } from './api.ts';

/** An event of the queue. */
export type LiveEvent = Schemas['Event'];

/** Whether events come in. */
export const live = signal(false);
/** The latest events, the latest first. */
export const recentEvents = signal<readonly LiveEvent[]>([]);
/** Grows after events came in, at most twice a second: pages load again when it does. */
export const liveTick = signal(0);

const mostEvents = 50;
const tickMs = 500;
const retryMs = 2000;
/** A browser needs some seconds to connect again; only what lasts longer is shown. */
const lostMs = 5000;
let source: EventSource | undefined;
let ticking = false;
let lost: ReturnType<typeof setTimeout> | undefined;

/** Types that the API names its events by. */
const types = [
  'accepted',
  'attempted',
  'returned',
  'delivered',
  'deferred',
  'delayed',
  'failed',
  'bounced',
  'complained',
  'unreported',
  'expired',
  'cancelled',
  'held',
  'released',
  'unknown',
];

/** Follows the events from now on, while a user is logged in. */
export function startLive(): void {
  stopLive();
  source = new EventSource(`${apiRoot}v1/events/stream`);
  source.onopen = () => {
    found();
    live.value = true;
    online.value = true;
  };
  source.onerror = () => {
    lost ??= setTimeout(() => {
      live.value = false;
    }, lostMs);
    // A browser tries again by itself, except after an answer that is no stream: the session may be over.
    if (source?.readyState !== EventSource.CLOSED) return;
    setTimeout(async () => {
      await loadSession();
      if (session.value) startLive();
    }, retryMs);
  };
  for (const type of types) source.addEventListener(type, onEvent);
}

export function stopLive(): void {
  source?.close();
  source = undefined;
  found();
  live.value = false;
}

function found(): void {
  clearTimeout(lost);
  lost = undefined;
}

function onEvent({ data }: MessageEvent<string>): void {
  const event = JSON.parse(data) as LiveEvent;
  recentEvents.value = [event, ...recentEvents.value].slice(0, mostEvents);
  if (ticking) return;
  ticking = true;
  // The first one of a burst is shown at once.
  liveTick.value++;
  setTimeout(() => {
    ticking = false;
    liveTick.value++;
  }, tickMs);
}
