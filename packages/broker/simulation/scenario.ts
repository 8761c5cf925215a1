import type { SeededRandom } from '@mb/testkit';
import { drawTenants, type TenantName, type TenantPlan, tenantNames } from './tenants.ts';

/** How a mailbox answers RCPT. */
export type Mailbox =
  | { readonly kind: 'good' }
  | { readonly kind: 'unknown-user' }
  /** The host refuses us, as one does that asks a block list. */
  | { readonly kind: 'blocking' }
  /** 451 this many times, then accepted; `plain`: without the word "greylisted", as content filters say it. */
  | { readonly kind: 'greylisted'; readonly refusals: number; readonly plain?: boolean }
  /** 452 until the faults are over. */
  | { readonly kind: 'full' };

/** How likely each kind of trouble is at one host while faults last; the rest goes well. */
export interface HostTrouble {
  readonly refused: number;
  readonly silent: number;
  readonly greeting4: number;
  readonly greeting5: number;
  readonly closing421: number;
  readonly mail4: number;
  readonly final4: number;
  readonly final5: number;
  /** The connection breaks in the middle of the content: certainly not accepted. */
  readonly cutInContent: number;
  /** The message is accepted and the connection breaks before the reply: only the host knows. */
  readonly cutAfterAcceptance: number;
  /** The host stops answering. */
  readonly hang: number;
  /** The connection breaks at a recipient, and with it whatever reply the host had not sent yet. */
  readonly cutAtRecipient: number;
  /** The host refuses our user name and password; only where it asks for them. */
  readonly auth5: number;
}

/** How a host says that a session has had its messages. */
export const sessionLimitReplies = ['limits', '421', '452', 'hang-up'] as const;

/** A host that takes a limited number of messages a session, and how it says so. */
export interface SessionLimit {
  readonly messages: number;
  /** `limits`: in its reply to EHLO (RFC 9422); else at the first message too many. After `452` the session stays open. */
  readonly said: (typeof sessionLimitReplies)[number];
}

/** One mail exchanger of the simulated world. */
export interface HostPlan {
  readonly name: string;
  readonly address: string;
  readonly keywords: readonly string[];
  readonly latencyMs: readonly [least: number, most: number];
  /** Replies are held back while commands wait to be read, as Postfix does. */
  readonly buffers: boolean;
  readonly sessionLimit: SessionLimit | undefined;
  /** The host answers 502 to BDAT, although it offers CHUNKING where its keywords say so. */
  readonly refusesChunking?: boolean;
  /** The host is a relay that is configured for the domain, and asks for a password. */
  readonly relay: boolean;
  readonly trouble: HostTrouble;
}

/** One domain with its exchangers, by preference, and its mailboxes. */
export interface DomainPlan {
  readonly name: string;
  readonly hosts: readonly HostPlan[];
  readonly mailboxes: Readonly<Record<string, Mailbox>>;
}

/** Something that happens to the whole world at a moment, in milliseconds from its start. */
export type WorldEvent = { readonly atMs: number } & (
  | {
      readonly kind: 'enqueue';
      readonly to: readonly string[];
      readonly onUnknown: 'retry' | 'hold' | 'report';
      /** Lifetime; undefined: that of all mail. */
      readonly expireAfterMs: number | undefined;
      /** Whether the sender wants reports of failures. */
      readonly reported: boolean;
      /** Counts only in a world with tenants. */
      readonly tenant: TenantName;
    }
  /** The process dies without a warning. */
  | { readonly kind: 'crash' }
  | { readonly kind: 'graceful-restart' }
  | { readonly kind: 'clock-jump'; readonly ms: number }
  | {
      readonly kind: 'dns-trouble';
      /** A domain or a host. */
      readonly name: string;
      readonly status: 'servfail' | 'timeout' | 'unreachable';
      readonly forMs: number;
    }
  /** Calls of the store fail, often: before they did anything, or after they did it all. */
  | { readonly kind: 'store-trouble'; readonly moment: 'before' | 'after'; readonly forMs: number }
  | { readonly kind: 'cancel'; readonly domain: string }
  | { readonly kind: 'suspend'; readonly domain: string; readonly forMs: number }
  | { readonly kind: 'hold-and-release'; readonly domain: string; readonly forMs: number }
);

/** Everything that a seed decides before the world begins. */
export interface Scenario {
  readonly domains: readonly DomainPlan[];
  readonly events: readonly WorldEvent[];
  /** Three tenants that share the hosts; empty: one sender. */
  readonly tenants: readonly TenantPlan[];
  /** Processes that work on the queue. */
  readonly workers: number;
  readonly maxConcurrency: number;
  /** Faults end here; afterwards every host is well, so that all that can be delivered is. */
  readonly faultsUntilMs: number;
  /** Likelihood that a process dies at a write of its store, before or after the write. */
  readonly crashAtWrite: number;
}

const minute = 60_000;
const hour = 60 * minute;

/** Draws a scenario; a good part of all worlds has only one or two kinds of trouble, so that each kind is met alone. */
export function drawScenario(random: SeededRandom): Scenario {
  const faultsUntilMs = random.integer(1, 12) * hour;
  const severity = random.pick([0, 0.02, 0.05, 0.15]);
  const kinds = new Set(Array.from({ length: random.integer(1, 4) }, () => random.pick(troubleKinds)));
  const domains: DomainPlan[] = [];
  for (let left = random.integer(1, 4); left > 0; left--) {
    const domain = drawDomain(random, domains.length, severity, kinds);
    // Some domains have the same hosts, which count all connections.
    const shares = domains.length > 0 && random.random() < 0.25;
    domains.push(shares ? { ...domain, hosts: random.pick(domains).hosts } : domain);
  }
  return {
    domains,
    events: drawEvents(random, domains, faultsUntilMs),
    tenants: drawTenants(random.fork('tenants'), domains),
    workers: random.pick([1, 1, 2, 3]),
    maxConcurrency: random.integer(1, 4),
    faultsUntilMs,
    crashAtWrite: random.pick([0, 0, 0.002, 0.01]),
  };
}

/** Every kind of trouble that a host makes. */
export const troubleKinds = [
  'refused',
  'silent',
  'greeting4',
  'greeting5',
  'closing421',
  'mail4',
  'final4',
  'final5',
  'cutInContent',
  'cutAfterAcceptance',
  'hang',
  'cutAtRecipient',
  'auth5',
] as const satisfies readonly (keyof HostTrouble)[];

/** A host that answers each command just before a first contact is given up. */
const slowLatencyMs = [40_000, 59_000] as const;

/** Whether a host answers slowly. */
export function isSlow({ latencyMs }: Pick<HostPlan, 'latencyMs'>): boolean {
  return latencyMs[0] >= slowLatencyMs[0];
}

function drawDomain(
  random: SeededRandom,
  index: number,
  severity: number,
  kinds: ReadonlySet<keyof HostTrouble>,
): DomainPlan {
  const name = `d${index}.test`;
  const relay = random.random() < 0.2;
  const hosts = Array.from({ length: random.integer(1, 3) }, (_, position): HostPlan => {
    const trouble = Object.fromEntries(
      troubleKinds.map((kind) => {
        // Few hosts ask for a password, so all of them may refuse it.
        const likely = kinds.has(kind) || (relay && kind === 'auth5');
        return [kind, likely ? severity * random.random() * 2 : 0];
      }),
    ) as unknown as HostTrouble;
    return {
      name: `mx${position}.${name}`,
      address: `127.${index + 1}.${position}.1`,
      keywords: [
        'PIPELINING',
        'CHUNKING',
        'SIZE 1000000',
        '8BITMIME',
        'STARTTLS',
        'ENHANCEDSTATUSCODES',
      ].filter(() => random.random() < 0.7),
      latencyMs: random.random() < 0.05 ? slowLatencyMs : [1, random.pick([5, 200, 5_000])],
      buffers: random.random() < 0.5,
      sessionLimit: random.random() < 0.25 ? drawSessionLimit(random) : undefined,
      refusesChunking: random.random() < 0.1,
      relay,
      trouble,
    };
  });
  const mailboxes = Object.fromEntries(
    Array.from({ length: random.integer(1, 4) }, (_, box): [string, Mailbox] => [
      `u${box}@${name}`,
      drawMailbox(random),
    ]),
  );
  return { name, hosts, mailboxes };
}

function drawSessionLimit(random: SeededRandom): SessionLimit {
  return { messages: random.integer(1, 4), said: random.pick(sessionLimitReplies) };
}

function drawMailbox(random: SeededRandom): Mailbox {
  const draw = random.random();
  if (draw < 0.7) return { kind: 'good' };
  if (draw < 0.8) return { kind: 'unknown-user' };
  if (draw < 0.9) return { kind: 'greylisted', refusals: random.integer(1, 3), plain: draw < 0.85 };
  return { kind: 'full' };
}

function drawEvents(
  random: SeededRandom,
  domains: readonly DomainPlan[],
  faultsUntilMs: number,
): WorldEvent[] {
  const addresses = domains.flatMap(({ mailboxes }) => Object.keys(mailboxes));
  const at = () => Math.floor(random.random() * faultsUntilMs);
  const tenants = random.fork('tenant of a message');
  const events: WorldEvent[] = Array.from({ length: random.integer(1, 12) }, () => ({
    atMs: at(),
    kind: 'enqueue',
    to: [...new Set(Array.from({ length: random.integer(1, 5) }, () => random.pick(addresses)))],
    onUnknown: random.pick(['retry', 'retry', 'hold', 'report'] as const),
    expireAfterMs: random.pick([undefined, undefined, undefined, 20 * minute, 3 * hour]),
    reported: random.random() < 0.5,
    tenant: tenants.pick(tenantNames),
  }));
  // Many messages at once, so that several go over one connection.
  if (random.random() < 0.3) {
    const burst = events[0]!;
    for (let left = random.integer(4, 20); left > 0; left--) {
      events.push({ ...burst, ...(burst.kind === 'enqueue' && { tenant: tenants.pick(tenantNames) }) });
    }
  }
  const times = (likely: number, make: () => WorldEvent) => {
    while (random.random() < likely) events.push(make());
  };
  const domain = () => random.pick(domains).name;
  const name = () => {
    const { name, hosts } = random.pick(domains);
    return random.pick([name, ...hosts.map((host) => host.name)]);
  };
  const forMs = () => random.integer(1, 120) * minute;
  times(0.3, () => ({ atMs: at(), kind: 'crash' }));
  times(0.2, () => ({ atMs: at(), kind: 'graceful-restart' }));
  times(0.2, () => ({ atMs: at(), kind: 'clock-jump', ms: random.integer(-6 * 60, 6 * 60) * minute }));
  times(0.3, () => ({
    atMs: at(),
    kind: 'dns-trouble',
    name: name(),
    status: random.pick(['servfail', 'timeout', 'unreachable'] as const),
    forMs: forMs(),
  }));
  times(0.15, () => ({
    atMs: at(),
    kind: 'store-trouble',
    moment: random.pick(['before', 'after'] as const),
    forMs: random.integer(5, 1_200) * 1_000,
  }));
  times(0.05, () => ({ atMs: at(), kind: 'cancel', domain: domain() }));
  times(0.15, () => ({ atMs: at(), kind: 'suspend', domain: domain(), forMs: forMs() }));
  times(0.15, () => ({ atMs: at(), kind: 'hold-and-release', domain: domain(), forMs: forMs() }));
  return events.sort((one, other) => one.atMs - other.atMs);
}
