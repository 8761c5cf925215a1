import type { MailHost, RouteFailure } from '@mb/dns';
import type { DeliveryOutcome, RecipientResult, SmtpError } from '@mb/smtp-client';
import type { BrokerError } from '../errors.ts';
import type { EgressWatch } from '../route/egress-watch.ts';
import { misconfigured } from '../route/local-watch.ts';
import type { HostSecurity } from '../route/tls-policy.ts';
import type { EgressSource } from '../sender/egress-source.ts';
import { classifyError } from './classify.ts';
import { wasNotOffered } from './connections.ts';
import type { Deferred, RecipientOutcome } from './outcome.ts';
import type { PlannedRecipient } from './plan.ts';
import type { ReplyRules } from './reply-rule.ts';

/** The sending profile could not be determined, so nothing was tried. */
export function profileOutcome(recipient: string, error: BrokerError, attempt: number): Deferred {
  return {
    status: 'deferred',
    recipient,
    stage: 'profile',
    attempt,
    maybeDelivered: false,
    category: 'local',
    scope: 'sender',
    action: 'retry',
    enhanced: misconfigured,
    reason: error.message,
    transcript: [],
  };
}

/** No host could be found. */
export function routeOutcome(
  { address: recipient }: PlannedRecipient,
  route: RouteFailure,
  attempt: number,
): RecipientOutcome {
  const permanent = route.status === 'permanent';
  return {
    status: permanent ? 'failed' : 'deferred',
    recipient,
    stage: 'route',
    attempt,
    maybeDelivered: false,
    // when our own resolver fails, nothing is known of the domain.
    category: permanent ? 'bad-domain' : route.scope === 'local' ? 'local' : 'temporary-host',
    scope: 'destination',
    action: permanent ? 'fail' : 'retry',
    enhanced: route.enhancedCode,
    reason: route.reason,
    transcript: [],
  };
}

/** The policy does not permit this host. */
export function policyOutcome(
  { address: recipient }: PlannedRecipient,
  host: MailHost,
  { enhanced, why, local }: Extract<HostSecurity, { usable: false }>,
  attempt: number,
): RecipientOutcome {
  return {
    status: enhanced.startsWith('5') ? 'failed' : 'deferred',
    recipient,
    stage: 'policy',
    attempt,
    maybeDelivered: false,
    host: host.name,
    category: local ? 'local' : 'tls-policy',
    scope: 'destination',
    action: enhanced.startsWith('5') ? 'fail' : 'retry',
    enhanced,
    reason: why,
    transcript: [],
  };
}

/** The source has no address of a family that the host has. */
export function unreachableOutcome(
  { address: recipient }: PlannedRecipient,
  host: MailHost,
  source: EgressSource,
  attempt: number,
): RecipientOutcome {
  const families = [...new Set(host.addresses.map(({ family }) => `IPv${family}`))].join(' and ');
  return {
    status: 'deferred',
    recipient,
    stage: 'policy',
    attempt,
    maybeDelivered: false,
    host: host.name,
    source: source.name,
    category: 'local',
    scope: 'destination',
    action: 'retry',
    enhanced: '4.4.0',
    reason: `The source "${source.name}" has no address to reach ${host.name} from (${families}); add an address of that family.`,
    transcript: [],
  };
}

/** What the outcomes of one session have in common. */
export interface SessionFacts {
  /** The host, and whether it is a relay that was configured for domains other than its own. */
  readonly host: MailHost;
  readonly relay: boolean;
  readonly rules: ReplyRules;
  readonly attempt: number;
}

/** There was no session, or it failed before the message: the same outcome for every recipient. */
export function sessionOutcome(
  { address: recipient }: PlannedRecipient,
  error: SmtpError,
  egress: EgressWatch | undefined,
  { host, relay, rules, attempt }: SessionFacts,
): RecipientOutcome {
  const blocked = error.code === 'MB_SMTP_CONNECT_TIMEOUT' ? egress?.blocked() : undefined;
  return {
    // RFC 5321 §4.2.1 and §5.1: even a 5yz greeting is about the host; its mail may go elsewhere, or later.
    // RFC 7504 §3: except 521, which says that the host never takes mail.
    status: error.stage === 'greeting' && error.reply?.code === 521 ? 'failed' : 'deferred',
    recipient,
    stage: error.stage,
    attempt,
    maybeDelivered: false,
    host: host.name,
    ...classifyError(error, { host: host.name, relay }, rules),
    ...(blocked && { category: 'local' as const }),
    reason: blocked ?? error.message,
    transcript: error.transcript ?? [],
    ...((error.code === 'MB_SMTP_ABORTED' || wasNotOffered(error)) && { untouched: true as const }),
    ...(error.address === undefined ? {} : { address: error.address }),
    ...(error.reply && { reply: error.reply }),
  };
}

/** What the host said about one recipient. */
export function recipientOutcome(
  { address: recipient }: PlannedRecipient,
  result: RecipientResult,
  session: SessionFacts & {
    readonly outcome: Pick<DeliveryOutcome, 'address' | 'tls'>;
    readonly transcript: RecipientOutcome['transcript'];
    /** True when replies after RCPT apply to several recipients at once. */
    readonly shared: boolean;
  },
): RecipientOutcome {
  const { status, stage, reply } = result;
  const { transcript, attempt, relay, rules } = session;
  const host = session.host.name;
  const { address, tls } = session.outcome;
  const maybeDelivered = status === 'unknown' || status === 'delivered';
  const evidence = {
    recipient,
    stage,
    attempt,
    maybeDelivered,
    host,
    address,
    tls,
    transcript,
    ...(reply && { reply }),
  };
  if (status === 'delivered') return { ...evidence, status, reply: result.reply };
  const reason = result.error.message;
  if (status === 'unknown') return { ...evidence, status, reason };
  const shared = session.shared && stage !== 'rcpt';
  const untouched = status === 'deferred' && result.untouched === true;
  return {
    ...evidence,
    status,
    ...classifyError(result.error, { host, relay, shared }, rules),
    reason,
    ...(untouched && { untouched }),
  };
}
