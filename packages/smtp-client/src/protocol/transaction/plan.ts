import { SmtpError } from '../../errors.ts';
import type { Capabilities } from '../session/capabilities.ts';
import type { HostExperience } from '../session/host-experience.ts';
import type { SessionLimits } from '../session/limits.ts';
import type { Delivery, WholeContent } from './delivery.ts';
import { incapable, notAccepted, type TransactionResult } from './result.ts';
import { Transaction } from './transaction.ts';

/** The facts about the server and the session for planning a transaction. */
export interface PlanFacts {
  readonly offered: Capabilities;
  /** Whether the session is inside TLS. */
  readonly secure: boolean;
  readonly limits: SessionLimits;
  /** Recipients per transaction that the server accepts, learned in this session; undefined if it showed no limit. */
  learnedRecipients: number | undefined;
  /** Whether BDAT may be used if offered. */
  readonly chunking: boolean;
  /** What is known from earlier sessions. */
  readonly experience: HostExperience;
}

/**
 * Plans a transaction with the next recipients of a delivery.
 *
 * Recipients that the server cannot accept get their result here. Returns undefined when no recipient is left.
 */
export function planTransaction(delivery: Delivery, facts: PlanFacts): Transaction | undefined {
  // Checked before the content, so that a message that needs SMTPUTF8 always fails for that reason.
  if (needsSmtputf8(delivery) && !smtputf8Usable(facts.offered)) return giveUp(delivery, noSmtputf8());
  if (delivery.transactions === 0) dropUnreachable(delivery, facts);
  const content = chooseContent(delivery, facts);
  if ('result' in content) return giveUp(delivery, content.result);
  const refusal = checkMessage(delivery, content, facts);
  if (refusal) return giveUp(delivery, refusal);
  const recipients = takeRecipients(delivery, facts);
  if (recipients.length === 0) return undefined;
  const { envelope } = delivery;
  const smtputf8 = needsSmtputf8(delivery) || recipients.some((index) => envelope.to[index]!.nonAscii);
  const mail = { size: content.size, body: content.body, smtputf8 };
  return new Transaction(delivery, recipients, { mode: content.mode, mail, whole: content.whole });
}

interface ChosenContent {
  readonly mode: 'data' | 'bdat';
  readonly body: '7bit' | '8bitmime' | 'binarymime' | undefined;
  readonly whole: WholeContent | undefined;
  /** RFC 1870 §3: octets as sent, without stuffed dots. */
  readonly size: number | undefined;
}

/** Chooses the variant of the content, and how to send it (RFC 6152, RFC 3030). */
function chooseContent(delivery: Delivery, facts: PlanFacts): ChosenContent | { result: TransactionResult } {
  const { envelope, content, sevenBitContent } = delivery;
  const { offered } = facts;
  const chunking = facts.chunking && offered.chunking && !facts.experience.refusesChunking;
  // CHUNKING is faster only because it saves the wait for 354; without PIPELINING, DATA is as fast and better tested.
  const mode = chunking && offered.pipelining ? 'bdat' : 'data';
  if (envelope.body === 'binarymime') {
    if (offered.binaryMime && chunking) {
      return {
        mode: 'bdat',
        body: 'binarymime',
        whole: content,
        size: content?.octets.length ?? envelope.size,
      };
    }
  } else {
    const eightBit = content ? content.scan.eightBit : envelope.body === '8bitmime';
    if (!eightBit || offered.eightBitMime) {
      // Streamed content without `body` may be 8-bit.
      const body =
        eightBit || (!content && envelope.body === undefined && offered.eightBitMime) ? '8bitmime' : '7bit';
      return { mode, body, whole: content, size: content?.scan.textSize ?? envelope.size };
    }
  }
  if (sevenBitContent && !sevenBitContent.scan.eightBit) {
    return { mode, body: '7bit', whole: sevenBitContent, size: sevenBitContent.scan.textSize };
  }
  const binary = envelope.body === 'binarymime';
  return {
    result: incapable(
      binary ? 'binarymime' : '8bitmime',
      binary ? 'MB_SMTP_BINARYMIME_NOT_OFFERED' : 'MB_SMTP_8BITMIME_NOT_OFFERED',
      '5.6.3',
      `The server does not take ${binary ? 'binary' : '8-bit'} content; send it in a 7-bit transfer encoding.`,
    ),
  };
}

function checkMessage(
  delivery: Delivery,
  content: ChosenContent,
  { offered, secure }: PlanFacts,
): TransactionResult | undefined {
  // RFC 8689 §4.2.1: REQUIRETLS is valid only inside TLS.
  if (delivery.envelope.requireTls && !(secure && offered.requireTls)) {
    return incapable(
      'requiretls',
      'MB_SMTP_REQUIRETLS_NOT_OFFERED',
      '5.7.30',
      'The server does not promise REQUIRETLS inside TLS; use another host or send without it.',
    );
  }
  // RFC 1870 §6.1: do not offer a message over the limit.
  if (offered.maxSize !== undefined && content.size !== undefined && content.size > offered.maxSize) {
    return incapable(
      'size',
      'MB_SMTP_SIZE_EXCEEDED',
      '5.3.4',
      `The message has ${content.size} octets and the server takes ${offered.maxSize}; make it smaller.`,
    );
  }
  return undefined;
}

/** RFC 6531 §3.3: without SMTPUTF8, fails only the recipients whose address needs it. */
function dropUnreachable(delivery: Delivery, { offered }: PlanFacts): void {
  const { to } = delivery.envelope;
  if (smtputf8Usable(offered) || !to.some(({ nonAscii }) => nonAscii)) return;
  for (const index of delivery.remaining) if (to[index]!.nonAscii) delivery.decide(index, noSmtputf8());
  delivery.remaining = delivery.remaining.filter((index) => !to[index]!.nonAscii);
}

function needsSmtputf8({ envelope }: Delivery): boolean {
  return envelope.smtputf8 || envelope.from.nonAscii;
}

/** RFC 6531 §3.1 item 8: SMTPUTF8 requires 8BITMIME, so it counts only if the server offers both. */
function smtputf8Usable(offered: Capabilities): boolean {
  return offered.smtputf8 && offered.eightBitMime;
}

function noSmtputf8(): TransactionResult {
  return incapable(
    'smtputf8',
    'MB_SMTP_SMTPUTF8_NOT_OFFERED',
    '5.6.7',
    'The server does not take addresses or headers beyond ASCII (SMTPUTF8); use another address or host.',
  );
}

/** RFC 9422 §4: takes the next recipients, up to the server's limits of recipients and domains. */
function takeRecipients(delivery: Delivery, facts: PlanFacts): readonly number[] {
  const { rcptMax = Infinity, rcptDomainMax = Infinity } = facts.offered.limits;
  const most = Math.min(
    facts.limits.recipientsPerTransaction,
    rcptMax,
    facts.learnedRecipients ?? Infinity,
    facts.experience.recipientsPerTransaction ?? Infinity,
  );
  const { remaining, envelope } = delivery;
  if (rcptDomainMax === Infinity) {
    if (remaining.length <= most) {
      delivery.remaining = [];
      return remaining;
    }
    delivery.remaining = remaining.slice(most);
    return remaining.slice(0, most);
  }
  const taken: number[] = [];
  const left: number[] = [];
  const domains = new Set<string>();
  for (const index of remaining) {
    const domain = envelope.to[index]!.domain.toLowerCase();
    const fits = taken.length < most && (domains.has(domain) || domains.size < rcptDomainMax);
    if (fits) domains.add(domain);
    (fits ? taken : left).push(index);
  }
  delivery.remaining = left;
  return taken;
}

function giveUp(delivery: Delivery, result: TransactionResult): undefined {
  delivery.decideRemaining(result);
}

/** The result when the session has reached its limit of messages, by RFC 9422 §4.1 or learned. */
export function mailLimit(most: number): ReturnType<typeof notAccepted> {
  return sessionOver(
    `The server takes ${most} messages per session, and this session has reached that; open another connection.`,
  );
}

/** The result when the session had too many refusals in a row. */
export function refusalLimit(most: number): ReturnType<typeof notAccepted> {
  return sessionOver(
    `This session had ${most} refusals in a row, after which servers slow down or hang up; open another connection.`,
  );
}

function sessionOver(text: string): ReturnType<typeof notAccepted> {
  const error = new SmtpError(text, {
    code: 'MB_SMTP_MAIL_LIMIT',
    kind: 'peer-incompatible',
    scope: 'session',
    stage: 'plan',
    retryable: true,
  });
  return notAccepted('plan', error, true);
}
