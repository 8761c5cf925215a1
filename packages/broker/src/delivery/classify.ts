/**
 * All failure policy of the broker: what a reply is about, and what may be done next.
 *
 * Nothing here talks to a host; `attempt` and the queue ask and obey.
 */
import type { Reply, SmtpError } from '@mb/smtp-client';
import type { RecipientOutcome, Stage } from './outcome.ts';

/**
 * What a failure is about (RFC 3463 subjects, sharpened by the stage and, where a host sends no
 * enhanced code, by the basic code).
 *
 * - `bad-mailbox`: the address does not exist or is closed. The only category that speaks against the address.
 * - `bad-domain`: the domain does not exist or takes no mail.
 * - `mailbox-full`: the mailbox exists and is over its quota.
 * - `blocked`: the host refuses us, our address or our sender domain (reputation, policy, authentication).
 * - `content`: the host refuses this message (size, content, attachment).
 * - `rate`: the host asks us to slow down.
 * - `temporary-host`: the host or its network has trouble of its own.
 * - `protocol`: the two sides do not understand each other, or an extension that the message needs is missing.
 * - `tls-policy`: no connection met the security that the policy asks for.
 * - `suppressed`: the address is on the suppression list.
 * - `local`: our own side (resolver, disk, shutdown).
 */
export type FailureCategory =
  | 'bad-mailbox'
  | 'bad-domain'
  | 'mailbox-full'
  | 'blocked'
  | 'content'
  | 'rate'
  | 'temporary-host'
  | 'protocol'
  | 'tls-policy'
  | 'suppressed'
  | 'local';

/** RFC 3463 §3 and the IANA enhanced-status-code registry: `subject.detail` → category. */
const categoryByDetail: Readonly<Record<string, FailureCategory>> = {
  '1.0': 'bad-mailbox',
  '1.1': 'bad-mailbox',
  '1.2': 'bad-domain',
  '1.3': 'bad-mailbox',
  '1.4': 'bad-mailbox',
  '1.6': 'bad-mailbox',
  '1.7': 'blocked', // about the sender's address
  '1.8': 'blocked', // about the sender's domain
  '1.9': 'protocol',
  '1.10': 'bad-domain', // RFC 7505 §4.2: null MX
  '2.1': 'bad-mailbox',
  '2.2': 'mailbox-full',
  '2.3': 'content',
  '2.4': 'bad-mailbox',
  '3.3': 'protocol',
  '3.4': 'content',
  '4.6': 'protocol', // routing loop
  '7.10': 'tls-policy',
  '7.11': 'tls-policy',
  '7.17': 'bad-mailbox', // RFC 7293: the mailbox has another owner now
  '7.18': 'bad-domain', // RFC 7293: so has the domain
  '7.28': 'rate', // RFC 7372 §3: mail flood
  '7.30': 'tls-policy', // RFC 8689 §4.2: REQUIRETLS
};

const categoryBySubject: Readonly<Record<string, FailureCategory>> = {
  '3': 'temporary-host',
  '4': 'temporary-host',
  '5': 'protocol',
  '6': 'content',
};

/** Words with which hosts say "we do not want you" under a code that means "no such mailbox". */
const blockedWords =
  /\b(?:block(?:ed|ing|list(?:ed)?)|black ?list(?:ed)?|spam(?:haus|cop)?|reputation|dns[bw]l|rbl|banned)\b/i;

/** Words with which hosts say "too fast" under 421, 450 or 451. */
const rateWords = /\b(?:rate.?limit|too (?:many|fast|much)|throttl|slow down|exceed)/i;

/** A greylisting host wants a later attempt of the same message, not fewer of them. */
const greylistWords = /\bgr[ae]y.?list/i;

/** Only this much of a host's text is searched. */
const maxSearchedText = 1024;

/**
 * Says what a 4yz or 5yz reply is about.
 *
 * @param reply  The reply as received.
 * @param stage  The stage of the session in which it came.
 * @example
 * categorizeReply({ code: 550, enhanced: '5.7.1', lines: ['Blocked'] }, 'rcpt'); // 'blocked'
 */
export function categorizeReply(reply: Reply, stage: Stage): FailureCategory {
  const text = reply.lines.join(' ').slice(0, maxSearchedText);
  const category = reply.enhanced ? byEnhancedCode(reply.enhanced) : undefined;
  const found = category ?? byBasicCode(reply.code, stage, text);
  // A refusal of us must never be counted against an address, whatever code stands in front of it.
  if (found === 'bad-mailbox' && blockedWords.test(text)) return 'blocked';
  return found === 'rate' && greylistWords.test(text) ? 'temporary-host' : found;
}

function byEnhancedCode(enhanced: string): FailureCategory | undefined {
  const [permanence, subject = '', detail = ''] = enhanced.split('.');
  const exact = categoryByDetail[`${subject}.${detail}`];
  if (exact) return exact;
  // 4.7.x is how large receivers say "slower, please"; 5.7.x is a refusal of us.
  if (subject === '7') return permanence === '4' ? 'rate' : 'blocked';
  return categoryBySubject[subject];
}

function byBasicCode(code: number, stage: Stage, text: string): FailureCategory {
  if (code === 521 || code === 556) return 'bad-domain'; // RFC 7504 §2: the host takes no mail at all
  if (code >= 500 && code <= 504) return 'protocol';
  if (code >= 400 && code < 500) return rateWords.test(text) ? 'rate' : 'temporary-host';
  if (blockedWords.test(text)) return 'blocked';
  switch (stage) {
    case 'rcpt':
      if (code === 552) return 'mailbox-full';
      return code === 550 || code === 551 || code === 553 ? 'bad-mailbox' : 'blocked';
    case 'data':
    case 'chunk':
    case 'content':
    case 'final':
      return 'content';
    default:
      return 'blocked';
  }
}

/** Category and RFC 3463 code of a failure that @mb/smtp-client reports, with a reply or without one. */
export function classifyError(error: SmtpError): {
  readonly category: FailureCategory;
  readonly enhanced: string;
} {
  const { reply, retryable, enhanced } = error;
  if (reply && reply.code >= 400) {
    const code = enhanced ?? `${Math.floor(reply.code / 100)}.0.0`;
    return { category: categorizeReply(reply, error.stage), enhanced: code };
  }
  // What a host lacks has a code of its own (5.3.4, 5.6.3, 5.6.7), though nobody said it.
  if (enhanced) return { category: byEnhancedCode(enhanced) ?? 'protocol', enhanced };
  const [category, detail] = withoutReply(error);
  return { category, enhanced: `${retryable ? '4' : '5'}.${detail}` };
}

function withoutReply(error: SmtpError): readonly [FailureCategory, string] {
  switch (error.kind) {
    case 'network':
    case 'timeout':
      // RFC 3463 §3.5: X.4.1 no answer from host, X.4.2 bad connection.
      return ['temporary-host', error.stage === 'connect' ? '4.1' : '4.2'];
    case 'tls':
      return ['tls-policy', '7.5']; // RFC 3463 §3.8: cryptographic failure
    case 'peer-misbehaved':
    case 'peer-incompatible':
      return ['protocol', '5.0'];
    default:
      return ['local', '3.0'];
  }
}

/**
 * Whether another mail exchanger may be offered a recipient in the same attempt.
 *
 * Yes after trouble of one host or session: not reachable, 421, any 4yz, an extension that it lacks. No after a 5yz to
 * the recipient or the message, and never after an unknown end, which would risk a second copy.
 */
export function mayTryNextHost(outcome: RecipientOutcome): boolean {
  if (outcome.status === 'deferred') return outcome.category !== 'local';
  // What one host cannot carry (5.3.4, 5.6.3, 5.6.7, 5.7.30) was never offered to it; another one may.
  return outcome.status === 'failed' && (outcome.stage === 'plan' || outcome.stage === 'policy');
}
