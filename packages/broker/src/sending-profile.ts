import type { LimitOptions, TimeoutOptions } from '@mb/smtp-client';
import type { RouteOption } from './route/next-hop.ts';
import type { EgressSource } from './sender/egress-source.ts';
import type { DkimKeys, KeyCheck, Keyring } from './sender/keyring.ts';
import type { VerpOptions } from './sender/verp.ts';

/** What a sending profile is chosen by. */
export interface ProfiledMessage {
  /** As given to `send()` or `enqueue()`; undefined without one. */
  readonly tenant: string | undefined;
  /** As given to `send()` or `enqueue()`; undefined without one. */
  readonly tag: string | undefined;
  /** Domain of From. A report to the sender has the domain of the message that it is about. */
  readonly authorDomain: string;
  /** The reverse-path's mailbox; empty for reports. */
  readonly sender: string;
}

/**
 * Chooses the {@link SendingProfile} of a message. It is asked at each attempt.
 *
 * What it throws, a promise that rejects or takes longer than 10 seconds, and a profile that is invalid are trouble of
 * our own: the message is tried again later, and never goes out unsigned or under another name.
 */
export type ProfileFor = (message: ProfiledMessage) => SendingProfile | Promise<SendingProfile>;

/**
 * Who a message is sent as. Two profiles never share a connection.
 *
 * Return the same object while nothing changes, since parsed keys are kept with it; a change is a new object.
 *
 * @example
 * const profiles = new Map(tenants.map(({ id, domain, privateKey, address }) => [id, {
 *   name: id,
 *   hostname: `mail.${domain}`,
 *   dkim: { domain, selector: 's1', privateKey },
 *   sources: [{ name: id, localAddresses: [address] }],
 * }]));
 * const broker = new MailBroker({
 *   hostname: 'mail.example.com',
 *   profileFor: ({ tenant }) => profiles.get(tenant!)!,
 * });
 */
export interface SendingProfile {
  /** Tells profiles apart, such as the tenant's name; not empty. */
  readonly name: string;
  /** The name in EHLO and in reports. Default: the broker's. */
  readonly hostname?: string | undefined;
  /** Keys to sign with. Default none: messages go out unsigned. */
  readonly dkim?: DkimKeys | undefined;
  /** What is done about a key that is not published as it should be. Default: the broker's. */
  readonly dkimCheck?: KeyCheck | undefined;
  /** Addresses to send from, chosen by weight. Default: as the machine chooses. */
  readonly sources?: readonly EgressSource[] | undefined;
  /** Give every recipient of queued mail a return path of its own. Default: the return path is that of the message. */
  readonly verp?: VerpOptions | undefined;
  /** What is asked of TLS; see `TlsOptions`. Default: the broker's. */
  readonly tls?: ProfileTls | undefined;
  /** Where the mail of some domains goes instead of their mail exchangers, as in `delivery.routes`. Default: nowhere else. */
  readonly routes?: Readonly<Record<string, RouteOption>> | undefined;
  /** Recipients in one transaction. Default: the broker's. */
  readonly maxRecipients?: number | undefined;
  /** How long to wait at each stage. Default: the broker's. */
  readonly timeouts?: TimeoutOptions | undefined;
  /** Bounds of each session. Default: the broker's. */
  readonly limits?: LimitOptions | undefined;
}

/** What a profile asks of TLS. */
export interface ProfileTls {
  /** As `tls.minimum` of the broker. */
  readonly minimum?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** As `tls.ca` of the broker. */
  readonly ca?: string | readonly string[] | undefined;
}

/** A profile as it is used: checked, with its keys parsed and the broker's defaults filled in. */
export interface Profile {
  /** Empty for the one profile of a broker without `profileFor`. */
  readonly name: string;
  readonly hostname: string;
  readonly keyring: Keyring;
  readonly sources: readonly EgressSource[];
  readonly verp: VerpOptions | undefined;
  readonly tls: ProfileTls;
  readonly routes: Readonly<Record<string, RouteOption>>;
  readonly maxRecipients: number;
  readonly timeouts: TimeoutOptions;
  readonly limits: LimitOptions;
}
