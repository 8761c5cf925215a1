import type { EventLog } from '../store/port.ts';
import type { EventCursor, EventPage } from '../store/queue-event.ts';

const kept = 16;

/**
 * Reads the event log once for all endpoints of a process: endpoints at the end of the log read the same pages.
 */
export class EventPages {
  readonly #store: Pick<EventLog, 'events'>;
  readonly #pages = new Map<EventCursor, Promise<EventPage>>();

  constructor(store: Pick<EventLog, 'events'>) {
    this.#store = store;
  }

  /** Events after a cursor. */
  after(cursor: EventCursor): Promise<EventPage> {
    const known = this.#pages.get(cursor);
    if (known) return known;
    const page = this.#store.events(cursor);
    this.#pages.set(cursor, page);
    const forget = () => this.#pages.delete(cursor);
    // A page with events never changes; an empty one may have events later.
    page.then(({ events }) => {
      if (events.length === 0) forget();
      else if (this.#pages.size > kept) this.#pages.delete(this.#pages.keys().next().value!);
    }, forget);
    return page;
  }
}
