import type { Reply, Stage as SessionStage, TlsEvidence, TranscriptEntry } from '@mb/smtp-client';
import type { FailureClassification } from './failure.ts';

/**
 * Where a delivery ended: before it began (`suppression`), before it was known who sends (`profile`) or where to
 * (`route`), before a host was dialled (`policy`), or in the session.
 */
export type Stage = 'suppression' | 'profile' | 'route' | 'policy' | SessionStage;

/** What every outcome says. */
export interface OutcomeEvidence {
  /** The address as the envelope has it. */
  readonly recipient: string;
  /** The last stage that was reached. */
  readonly stage: Stage;
  /** Number of this attempt, 1 for the first. */
  readonly attempt: number;
  /** The message may be in the mailbox although no reply said so. */
  readonly maybeDelivered: boolean;
  /** Name of the mail exchanger that gave this outcome; absent when none was reached. */
  readonly host?: string;
  /** Its address and port, as `192.0.2.1:25`. */
  readonly address?: string;
  /** The reply that decided, verbatim. */
  readonly reply?: Reply;
  /** Name of the egress source that was used; absent when none is configured. */
  readonly source?: string;
  /** True when no host was offered the message: its session ended or was full, or the caller aborted. Spends no attempt. */
  readonly untouched?: true;
  /** How the session was secured; absent when there was no session. */
  readonly tls?: TlsEvidence;
  /** The session that gave this outcome, without content and secrets; empty when there was none. */
  readonly transcript: readonly TranscriptEntry[];
}

/** The host took responsibility for the message. */
export interface Delivered extends OutcomeEvidence {
  readonly status: 'delivered';
  /**
   * A report of success was asked for and is ours to make, as the host offers no DSN (RFC 3461 §5.2.2): the message was
   * `relayed` to it, or `delivered` by it into the mailbox (LMTP).
   */
  readonly ownReport?: 'relayed' | 'delivered';
  readonly host: string;
  readonly reply: Reply;
}

/** Trying again changes nothing. */
export interface Failed extends OutcomeEvidence, FailureClassification {
  readonly status: 'failed';
  /** RFC 3463 code: the host's own, or the one that describes what we found. */
  readonly enhanced: string;
  /** One or two sentences: what is wrong and what to do. */
  readonly reason: string;
}

/** Not delivered, and a later attempt may be. */
export interface Deferred extends OutcomeEvidence, FailureClassification {
  readonly status: 'deferred';
  readonly enhanced: string;
  readonly reason: string;
  /** When the queue tries again; absent for `send()`, which does not. */
  readonly nextAttempt?: Date;
}

/** The end of data was sent and no reply came: the message may have been delivered or not. */
export interface Unknown extends OutcomeEvidence {
  readonly status: 'unknown';
  readonly reason: string;
  readonly nextAttempt?: Date;
}

/** Of which outcomes the queue keeps the transcript of the session; see `queue.transcripts`. */
export type KeptTranscripts = 'none' | 'failures' | 'all';

/** A DKIM key that the worker has signed a message with (RFC 6376 §3.5). */
export interface KeptSignature {
  readonly domain: string;
  readonly selector: string;
}

/**
 * What the queue keeps of the latest outcome of a recipient, and gives in lists and events: the outcome itself, without
 * its recipient. Which fields it has depends on how far the attempt came, and whether there is a transcript, shortened,
 * on `queue.transcripts`.
 */
export interface OutcomeDetail
  extends Partial<Omit<OutcomeEvidence, 'recipient'>>,
    Partial<FailureClassification> {
  readonly status?: RecipientOutcome['status'];
  readonly enhanced?: string;
  /** Why it was not delivered. */
  readonly reason?: string;
  readonly ownReport?: Delivered['ownReport'];
  /** The keys that the worker signed with; absent when it did not sign. */
  readonly signatures?: readonly KeptSignature[];
  /** Code of the error that kept the attempt from being made. */
  readonly code?: string;
  /** Epoch milliseconds of the attempt; absent where none was made. */
  readonly attemptedAt?: number;
  /** Epoch milliseconds at which the message was accepted; of `delivered` only. */
  readonly acceptedAt?: number;
  /** The attempt before trouble of our own kept others from being made. */
  readonly lastAttempt?: OutcomeDetail;
}

/** Reads the `detail` of a recipient or an event; what another program wrote may have other fields. */
export function readOutcomeDetail(detail: object | undefined): OutcomeDetail {
  return typeof detail === 'object' && detail !== null ? detail : {};
}

/** Accepted by the queue, which will attempt it. */
export interface Queued {
  readonly status: 'queued';
  readonly recipient: string;
}

/** How one attempt ended for one recipient; distinguished by `status`. */
export type RecipientOutcome = Delivered | Failed | Deferred | Unknown;
