import { describe, expect, it } from 'vitest';
import { SmtpError } from '../../errors.ts';
import { parseCapabilities } from '../session/capabilities.ts';
import type { SessionEvent } from '../session/events.ts';
import { HostExperience } from '../session/host-experience.ts';
import { resolveLimits } from '../session/limits.ts';
import { Transcript } from '../session/transcript.ts';
import { Delivery, wholeContent } from './delivery.ts';
import { checkEnvelope } from './envelope.ts';
import { FlightWindow } from './flight-window.ts';
import { TransactionLedger } from './ledger.ts';
import type { Transaction } from './transaction.ts';

const error = new SmtpError('The session is over.', {
  code: 'MB_SMTP_ABORTED',
  kind: 'aborted',
  scope: 'session',
  stage: 'idle',
  retryable: true,
});
const accepted = { code: 250, lines: ['ok'] };

function setup(window = 16) {
  const events: SessionEvent[] = [];
  const experience = new HostExperience({ window });
  const limits = resolveLimits(undefined);
  const flight = new FlightWindow({ limits, pipelining: 'across-messages', experience });
  flight.pipelining = true;
  const ledger = new TransactionLedger({
    experience,
    window: flight,
    refusalsInRow: limits.refusalsInRow,
    emit: (event) => events.push(event),
  });
  const offered = parseCapabilities({ code: 250, lines: ['mx', 'PIPELINING'] });
  const start = () =>
    ledger.start({
      offered,
      secure: false,
      limits,
      chunking: true,
      experience,
      learnedRecipients: undefined,
    });
  const add = (id: number, to: readonly string[] = ['b@example.com']): Delivery => {
    const envelope = checkEnvelope({ from: 'a@example.org', to });
    const whole = wholeContent(new TextEncoder().encode('x\r\n'));
    const delivery = new Delivery(
      id,
      envelope,
      { whole, sevenBit: undefined },
      new Transcript(10, undefined),
    );
    ledger.add(delivery);
    return delivery;
  };
  /** Begins and writes the next transaction. */
  const write = (): Transaction => {
    expect(ledger.begin(0)).toBe(true);
    const transaction = ledger.writing!;
    ledger.mailWritten(transaction);
    while (transaction.nextRecipient !== undefined) transaction.rcptWritten();
    transaction.step('data-written');
    transaction.step('go-ahead');
    ledger.written(transaction, 'last-octet');
    return transaction;
  };
  return { ledger, events, start, add, write };
}

describe('the ledger of a session', () => {
  it('SESS-11 begins nothing before the session is ready', () => {
    const { ledger, add, start } = setup();
    add(1);
    expect([ledger.begin(0), ledger.idle, ledger.waiting]).toEqual([false, false, 1]);
    start();
    expect([ledger.begin(0), ledger.waiting, ledger.writing?.delivery.id]).toEqual([true, 0, 1]);
  });

  it('SESS-11 counts a transaction as open until it is over and its last reply was read', () => {
    const { ledger, add, start, write } = setup();
    start();
    add(1);
    add(2);
    const [first, second] = [write(), write()];
    expect([ledger.writing, ledger.mails, ledger.answered, ledger.idle]).toEqual([undefined, 2, 0, false]);
    expect([first.beginning, second.beginning]).toEqual(['first', 'overlapped']);
    for (const transaction of [first, second]) {
      transaction.step('settled');
      ledger.close(transaction, 5000);
    }
    expect([ledger.answered, ledger.idle, ledger.since]).toEqual([2, true, undefined]);
    add(3);
    ledger.begin(7000);
    expect(ledger.writing?.beginning).toBe('doubtful');
  });

  it('SESS-11 holds a transaction back while the window is full', () => {
    const { ledger, add, start, write } = setup(1);
    start();
    add(1);
    add(2);
    write();
    expect([ledger.begin(0), ledger.waiting]).toEqual([false, 1]);
  });

  it('SESS-11 cancels what waits, and nothing that has begun', () => {
    const { ledger, events, add, start, write } = setup();
    start();
    add(1);
    add(2);
    write();
    expect([ledger.cancel(1, error), ledger.cancel(2, error), ledger.cancel(3, error)]).toEqual([
      'begun',
      'cancelled',
      'unknown',
    ]);
    expect(events).toEqual([{ type: 'delivery-not-attempted', id: 2, error }]);
  });

  it('SESS-11 a delivery settles once, when every recipient has a result', () => {
    const { ledger, events, add } = setup();
    const delivery = add(1, ['b@example.com', 'c@example.com']);
    delivery.decide(0, { status: 'delivered', stage: 'final', reply: accepted });
    ledger.settle(delivery);
    expect(events).toEqual([]);
    delivery.decide(1, { status: 'delivered', stage: 'final', reply: accepted });
    ledger.settle(delivery);
    ledger.settle(delivery);
    expect(events).toMatchObject([
      {
        type: 'delivery-settled',
        id: 1,
        recipients: [
          { recipient: 'b@example.com', status: 'delivered' },
          { recipient: 'c@example.com', status: 'delivered' },
        ],
        transcript: [],
      },
    ]);
  });

  it('SESS-11 puts a postponed transaction before what waits, and lets nothing overlap from then on', () => {
    const { ledger, add, start, write } = setup();
    start();
    for (const id of [1, 2, 3]) add(id);
    write();
    const second = write();
    ledger.postpone(second);
    expect(second.envelope).toBe('postponed');
    expect([ledger.begin(0), ledger.waiting]).toEqual([false, 2]);
    const { open, waiting } = ledger.drain();
    expect(open.map(({ delivery }) => delivery.id)).toEqual([1, 2]);
    expect(waiting.map(({ id, remaining }) => [id, remaining])).toEqual([
      [2, [0]],
      [3, [0]],
    ]);
    expect(ledger.idle).toBe(true);
  });

  it('SESS-42 refuses what a table does not have', () => {
    const { start, add, write } = setup();
    start();
    add(1);
    const transaction = write();
    for (const wrong of [() => transaction.step('begin'), () => transaction.accept(0)])
      expect(wrong).toThrow(expect.objectContaining({ code: 'MB_SMTP_INTERNAL' }));
    expect(transaction.accepted).toEqual([]);
  });
});
