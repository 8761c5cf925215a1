import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SessionEvent } from '../protocol/session/events.ts';
import type { SmtpSession } from '../protocol/session/session.ts';
import type { Clock } from './clock.ts';
import { inWords } from './tls-reason.ts';

/** Maximum number of octets to write before replies are read again. */
const octetsPerTurn = 262_144;
/** How long a server may take to close its side after QUIT. */
const lingerMs = 5000;

/**
 * The loop between a session and a socket.
 *
 * After a reply, it first writes what the reply allows, then reports the reply. Messages that callers submit then leave
 * in one write at the end of the same turn of the event loop.
 */
export class Driver {
  readonly session: SmtpSession;
  readonly #clock: Clock;
  readonly #onEvent: (event: SessionEvent) => void;
  #socket: Duplex | undefined;
  #detach: () => void = () => {};
  #blocked = false;
  /** Octets written since the last read or the last turn of the event loop. */
  #writtenInTurn = 0;
  /** Whether writing waits until arrived data has been read. */
  #reading = false;
  #scheduled = false;
  #running = false;
  #cancelTimer: (() => void) | undefined;
  #timerAt = Infinity;
  #closed = false;
  #quitting = false;

  constructor(session: SmtpSession, clock: Clock, onEvent: (event: SessionEvent) => void) {
    this.session = session;
    this.#clock = clock;
    this.#onEvent = onEvent;
  }

  /** Reads from and writes to `socket` from now on. */
  attach(socket: Duplex): void {
    this.#socket = socket;
    this.#blocked = false;
    const onData = (octets: Uint8Array): void => {
      this.#writtenInTurn = 0;
      const now = this.#clock.now();
      this.session.receive(octets, now);
      this.#run(now);
    };
    const onEnd = (): void => {
      const now = this.#clock.now();
      this.session.receiveEof(now);
      this.#run(now);
    };
    const onError = (error: unknown): void => {
      const now = this.#clock.now();
      this.session.receiveEof(now, inWords(error));
      this.#run(now);
    };
    const onDrain = (): void => {
      this.#blocked = false;
      this.#wakeAfterReading();
    };
    socket.on('data', onData).on('end', onEnd).on('close', onEnd).on('error', onError).on('drain', onDrain);
    this.#detach = () => {
      socket
        .off('data', onData)
        .off('end', onEnd)
        .off('close', onEnd)
        .off('error', onError)
        .off('drain', onDrain);
    };
    // The handshake with a proxy may have paused it.
    socket.resume();
    this.wake();
  }

  /** Stops reading and writing, and returns the socket, for a handshake. */
  detach(): Duplex {
    this.#detach();
    this.#detach = () => {};
    const socket = this.#socket!;
    this.#socket = undefined;
    return socket;
  }

  /** Resolves when all data that has arrived on the socket has been read. */
  async settleInput(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** Runs the loop after the current code, in `process.nextTick`. */
  wake(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    process.nextTick(this.#wakeUp);
  }

  readonly #wakeUp = (): void => {
    this.#scheduled = false;
    this.#run(this.#clock.now());
  };

  /**
   * Continues to write after all arrived data has been read, and after a turn in which the server can read. When a write
   * fails, Node drops unread data, such as the reply of a server that refuses content midway and closes.
   */
  #wakeAfterReading(): void {
    if (this.#reading) return;
    this.#reading = true;
    setImmediate(() => setImmediate(() => setImmediate(this.#wakeInNewTurn)));
  }

  readonly #wakeInNewTurn = (): void => {
    this.#reading = false;
    this.#writtenInTurn = 0;
    this.#wakeUp();
  };

  #run(now: number): void {
    // The transport answered within a write; the loop that is running reads the answer.
    if (this.#running) return;
    this.#running = true;
    try {
      // Streamed content wakes this loop many times in a turn, so the budget counts for the turn.
      for (let busy = true; busy; ) {
        const written = this.#transmit(octetsPerTurn - this.#writtenInTurn, now);
        this.#writtenInTurn += written;
        busy = this.#report() || written > 0;
      }
      if (this.#writtenInTurn >= octetsPerTurn) this.#wakeAfterReading();
    } finally {
      this.#running = false;
    }
    this.#arm(now);
  }

  /** Reports the events of the session; returns whether there were any. */
  #report(): boolean {
    let any = false;
    for (let event = this.session.next(); event !== undefined; event = this.session.next()) {
      any = true;
      if (event.type === 'closed') this.#close(event.error === undefined);
      this.#onEvent(event);
    }
    return any;
  }

  #transmit(budget: number, now: number): number {
    let written = 0;
    while (this.#socket !== undefined && !this.#blocked && written < budget) {
      const octets = this.session.pollTransmit(now);
      if (octets === undefined) break;
      written += octets.length;
      this.#blocked = !this.#socket.write(octets, this.#onWritten);
    }
    return written;
  }

  readonly #onWritten = (error?: Error | null): void => {
    if (error) return;
    const now = this.#clock.now();
    this.session.transmitted(now);
    // The deadline of the reply may be earlier than that of the block.
    if (!this.#running) this.#arm(now);
  };

  /** One timer per connection, set again only when it fires or the deadline becomes earlier. */
  #arm(now: number): void {
    const deadline = this.#closed || this.#quitting ? undefined : this.session.nextDeadline();
    if (deadline === undefined) {
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      this.#timerAt = Infinity;
      return;
    }
    if (deadline >= this.#timerAt) return;
    this.#cancelTimer?.();
    this.#timerAt = deadline;
    this.#cancelTimer = this.#clock.setTimer(() => {
      this.#timerAt = Infinity;
      this.#cancelTimer = undefined;
      const late = this.#clock.now();
      this.session.handleTimeout(late);
      this.#run(late);
    }, deadline - now);
  }

  #close(orderly: boolean): void {
    this.#closed = true;
    const socket = this.#socket;
    if (socket === undefined) return;
    this.detach();
    socket.on('error', () => {});
    // quit() may have ended it already; a second end() is an error in Node.
    if (orderly && !socket.writableEnded) socket.end();
    socket.destroy();
  }

  /** Sends QUIT and lets the server close (RFC 5321 §4.1.1.10), without keeping the process alive. */
  quit(): void {
    const now = this.#clock.now();
    this.session.quit(now);
    this.#quitting = true;
    this.#run(now);
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.end();
    if (!(socket instanceof Socket)) return;
    socket.setTimeout(lingerMs, () => socket.destroy());
    socket.unref();
  }
}
