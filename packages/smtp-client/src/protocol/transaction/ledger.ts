import type { SmtpError } from '../../errors.ts';
import { DeliverySettled, type SessionEvent } from '../session/events.ts';
import type { HostExperience } from '../session/host-experience.ts';
import type { Delivery } from './delivery.ts';
import type { FlightWindow } from './flight-window.ts';
import { mailLimit, type PlanFacts, planTransaction, refusalLimit } from './plan.ts';
import type { Beginning, Transaction } from './transaction.ts';

/** A connection that was idle for longer may be dead. */
const doubtfulAfterMs = 1000;

/** What the ledger needs from the session. */
export interface LedgerContext {
  readonly experience: HostExperience;
  readonly window: FlightWindow;
  /** Maximum number of refusals in a row; see `SessionLimits`. */
  readonly refusalsInRow: number;
  emit(event: SessionEvent): void;
}

/**
 * Owns the deliveries and transactions of a session: which deliveries wait, which transactions are open, and which one is
 * being written. Sender and Receiver read this state, but only the ledger changes it.
 *
 * A delivery waits while recipients are left for a transaction. A transaction is open from its beginning until its
 * WRITER state is `over` and its last reply was read; at most one open transaction is being written.
 */
export class TransactionLedger {
  readonly #context: LedgerContext;
  /** Deliveries that still have recipients for a transaction. */
  readonly #waiting: Delivery[] = [];
  /** Open transactions, oldest first. */
  readonly #open: Transaction[] = [];
  #writing: Transaction | undefined;
  /** The facts for planning transactions; undefined until the session is ready. */
  #facts: PlanFacts | undefined;
  #mails = 0;
  #answered = 0;
  #idleSince = 0;
  /** Number of 4yz and 5yz replies since the last delivered message. */
  #refusals = 0;

  constructor(context: LedgerContext) {
    this.#context = context;
  }

  /** Whether no delivery waits and no transaction is open. */
  get idle(): boolean {
    return this.#open.length === 0 && this.#waiting.length === 0;
  }

  /** Number of waiting deliveries. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** The transaction that is being written. */
  get writing(): Transaction | undefined {
    return this.#writing;
  }

  /** Number of MAILs written in this session. */
  get mails(): number {
    return this.#mails;
  }

  /** Number of messages that the server has answered completely in this session. */
  get answered(): number {
    return this.#answered;
  }

  /** Number of MAILs that this session still accepts: by RFC 9422 §4.1, by a learned limit, or by refusals in a row. */
  get mailsLeft(): number {
    if (this.#refusals >= this.#context.refusalsInRow) return 0;
    return (this.#context.experience.messagesPerSession ?? Infinity) - this.#mails;
  }

  /** When the oldest open transaction began. */
  get since(): number | undefined {
    return this.#open[0]?.oldestSince;
  }

  /** Allows transactions to begin, since the session is ready. */
  start(facts: PlanFacts): void {
    this.#facts = facts;
  }

  /** Adds a submitted message. */
  add(delivery: Delivery): void {
    this.#waiting.push(delivery);
  }

  /** Cancels a delivery. `begun`: only the end of the session can cancel it. `unknown`: it is over. */
  cancel(id: number, error: SmtpError): 'cancelled' | 'begun' | 'unknown' {
    const index = this.#waiting.findIndex((delivery) => delivery.id === id);
    const delivery = this.#waiting[index];
    if (delivery?.transactions === 0) {
      this.#waiting.splice(index, 1);
      this.notAttempted(delivery, error);
      return 'cancelled';
    }
    const open = this.#open.some((one) => one.delivery.id === id && one.delivery.undecided > 0);
    return delivery || open ? 'begun' : 'unknown';
  }

  /**
   * Begins the next transaction, or settles a delivery that the server cannot accept; returns false if neither is possible.
   */
  begin(now: number): boolean {
    const facts = this.#facts;
    const delivery = this.#waiting[0];
    const open = this.#open.length;
    if (delivery === undefined || facts === undefined) return false;
    if (!this.#context.window.admits(open, this.#mails, this.#answered)) return false;
    if (this.mailsLeft <= 0) {
      this.#waiting.shift();
      this.#outOfMails(delivery);
      return true;
    }
    const transaction = planTransaction(delivery, facts);
    if (delivery.remaining.length === 0) this.#waiting.shift();
    if (transaction === undefined) {
      this.settle(delivery);
      return true;
    }
    delivery.transactions += 1;
    transaction.beginning = this.#beginning(now);
    if (open === 0) transaction.oldestSince = now;
    this.#open.push(transaction);
    this.#writing = transaction;
    return true;
  }

  #beginning(now: number): Beginning {
    if (this.#open.length > 0) return 'overlapped';
    if (this.#mails === 0) return 'first';
    return now - this.#idleSince > doubtfulAfterMs ? 'doubtful' : 'alone';
  }

  #outOfMails(delivery: Delivery): void {
    const { refusalsInRow, experience } = this.#context;
    const refused = this.#refusals >= refusalsInRow;
    const result = refused ? refusalLimit(refusalsInRow) : mailLimit(experience.messagesPerSession!);
    if (delivery.transactions === 0) {
      this.notAttempted(delivery, result.error);
      return;
    }
    delivery.decideRemaining(result);
    this.settle(delivery);
  }

  /** Records that the MAIL of a transaction was written. */
  mailWritten(transaction: Transaction): void {
    this.#mails += 1;
    transaction.mailWritten();
  }

  /** Records that the end of a transaction's content, or its lone dot, was written, so that the next one may be. */
  written(transaction: Transaction, input: 'last-octet' | 'lone-dot'): void {
    transaction.step(input);
    this.#writing = undefined;
  }

  /** Stops writing a transaction that cannot deliver. */
  giveUp(transaction: Transaction, now: number): void {
    transaction.step('given-up');
    if (this.#writing === transaction) this.#writing = undefined;
    if (!transaction.envelopeAwaited && transaction.chunksAwaited === 0) this.close(transaction, now);
  }

  /** Closes a transaction that is over and whose last reply was read. */
  close(transaction: Transaction, now: number): void {
    const index = this.#open.indexOf(transaction);
    if (index >= 0) {
      this.#open.splice(index, 1);
      if (index === 0 && this.#open.length > 0) this.#open[0]!.oldestSince = now;
      if (!transaction.facts.rewritten) {
        this.#answered += 1;
        this.#refusals = transaction.delivered ? 0 : this.#refusals + transaction.negativeReplies;
        this.#context.experience.answered(transaction.clean, this.#answered);
        this.#context.window.count(transaction.clean);
      }
    }
    if (this.#writing === transaction) this.#writing = undefined;
    if (this.#open.length === 0) this.#idleSince = now;
  }

  /** Puts the recipients that need another transaction at the head of the queue. */
  reoffer(transaction: Transaction): void {
    const { delivery, recipientBound } = transaction;
    // The limit is the number of recipients accepted before the first refusal.
    if (recipientBound) {
      const { accepted, saidSo } = recipientBound;
      const facts = this.#facts!;
      facts.learnedRecipients = Math.min(facts.learnedRecipients ?? Infinity, accepted);
      if (saidSo) this.#context.experience.tooManyRecipients(accepted);
    }
    transaction.giveBack();
    if (this.#waiting[0] !== delivery) this.#waiting.unshift(delivery);
  }

  /** Queues a whole transaction again; from now on only one message is in flight. */
  postpone(transaction: Transaction): void {
    this.#context.window.forbidOverlap();
    transaction.rewrite('mail-postponed');
    this.reoffer(transaction);
  }

  /** Queues a whole transaction again. It will be reported as not attempted, since the session is full. */
  renew(transaction: Transaction): void {
    this.#context.experience.sessionFull(this.#answered);
    transaction.delivery.transactions -= 1;
    transaction.rewrite('mail-postponed');
    this.reoffer(transaction);
  }

  /** Queues a whole transaction again, to be sent with DATA, because the server does not support BDAT. */
  useData(transaction: Transaction): void {
    this.#context.experience.chunkingRefused();
    // The server may have read the content as commands, so each further command waits for its reply.
    this.#context.window.becomeCautious();
    transaction.rewrite('bdat-unknown');
    this.reoffer(transaction);
  }

  /** Reports a delivery if all its recipients have a result. */
  settle(delivery: Delivery): void {
    if (delivery.undecided > 0 || delivery.settled) return;
    delivery.settled = true;
    this.#context.emit(new DeliverySettled(delivery));
  }

  /** Reports a delivery that was not offered to the server. */
  notAttempted(delivery: Delivery, error: SmtpError): void {
    delivery.settled = true;
    this.#context.emit({ type: 'delivery-not-attempted', id: delivery.id, error });
  }

  /** Empties the ledger at the end of the session, and returns its content. */
  drain(): { readonly open: readonly Transaction[]; readonly waiting: readonly Delivery[] } {
    this.#writing = undefined;
    return { open: this.#open.splice(0), waiting: this.#waiting.splice(0) };
  }
}
