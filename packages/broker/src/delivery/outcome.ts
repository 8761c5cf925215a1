import type { Reply, Stage as SessionStage, TlsEvidence, TranscriptEntry } from '@mb/smtp-client';
import type { FailureClassification } from './failure.ts';

/**
 * The stage at which a delivery ended: the check of the suppression list (`suppression`), the choice of the sending
 * profile (`profile`), the lookup of the hosts (`route`), the policy for a host before it is dialled (`policy`), or a
 * stage of the session.
 */
export type Stage = 'suppression' | 'profile' | 'route' | 'policy' | SessionStage;

/** The fields that every outcome has. */
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
  /**
   * True when no host was offered the message: its session ended or was full, or the caller aborted. Spends no attempt.
   */
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
   * Set when a report of success was asked for and we must send it, because the host does not offer DSN (RFC 3461
   * §5.2.2): the message was `relayed` to the host, or `delivered` by it into the mailbox (LMTP).
   */
  readonly ownReport?: 'relayed' | 'delivered';
  readonly host: string;
  readonly reply: Reply;
}

/** A permanent failure: another attempt would not succeed. */
export interface Failed extends OutcomeEvidence, FailureClassification {
  readonly status: 'failed';
  /** Enhanced status code (RFC 3463): the host's, or ours when no reply had one. */
  readonly enhanced: string;
  /** One or two sentences: what is wrong and what to do. */
  readonly reason: string;
}

/** A temporary failure: a later attempt may succeed. */
export interface Deferred extends OutcomeEvidence, FailureClassification {
  readonly status: 'deferred';
  readonly enhanced: string;
  readonly reason: string;
  /** When the queue tries again; absent for `send()`, which does not. */
  readonly nextAttempt?: Date;
}

/** The end of the content was sent and no reply came: the message may or may not have been delivered. */
export interface Unknown extends OutcomeEvidence {
  readonly status: 'unknown';
  readonly reason: string;
  readonly nextAttempt?: Date;
}

/** Which outcomes are kept with the transcript of their session; see `queue.transcripts`. */
export type KeptTranscripts = 'none' | 'failures' | 'all';

/** A DKIM key that the worker has signed a message with (RFC 6376 §3.5). */
export interface KeptSignature {
  readonly domain: string;
  readonly selector: string;
}

/**
 * What the queue keeps of a recipient's latest outcome, and returns in lists and events: the outcome without its
 * recipient. Which fields are present depends on how far the attempt came. `queue.transcripts` decides whether there is
 * a transcript, which is shortened.
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
  /** Code of the error that prevented the attempt. */
  readonly code?: string;
  /** Epoch milliseconds of the attempt; absent where none was made. */
  readonly attemptedAt?: number;
  /** Epoch milliseconds at which the message was accepted; only with `delivered`. */
  readonly acceptedAt?: number;
  /** The latest attempt that was made, when trouble of our own has prevented attempts since. */
  readonly lastAttempt?: OutcomeDetail;
}

/** Reads the `detail` of a recipient or an event. One that another program wrote may have other fields. */
export function readOutcomeDetail(detail: object | undefined): OutcomeDetail {
  return typeof detail === 'object' && detail !== null ? detail : {};
}

/** Accepted into the queue. */
export interface Queued {
  readonly status: 'queued';
  readonly recipient: string;
}

/** How one attempt ended for one recipient; distinguished by `status`. */
export type RecipientOutcome = Delivered | Failed | Deferred | Unknown;
