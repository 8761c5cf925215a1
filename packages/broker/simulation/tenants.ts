import { generateKeyPairSync } from 'node:crypto';
import type { SeededRandom } from '@mb/testkit';
import type { RouteOption } from '../src/route/next-hop.ts';
import type { ProfileFor, SendingProfile } from '../src/sending-profile.ts';
import type { DomainPlan } from './scenario.ts';

/** Those that may send in a world with several tenants. */
export const tenantNames = ['t0', 't1', 't2'] as const;

/** One of {@link tenantNames}. */
export type TenantName = (typeof tenantNames)[number];

/** What mail of a tenant must look like to a host. */
export interface TenantPlan {
  readonly name: TenantName;
  /** Domain of From, of the return path and of the signature. */
  readonly domain: string;
  readonly hostname: string;
  readonly localAddress: string;
  /** Every recipient has a return path of its own. */
  readonly verp: boolean;
  /** A domain that this tenant alone sends through a host without asking its MX records. */
  readonly ownRoute: { readonly domain: string; readonly host: string } | undefined;
}

/** Half of the worlds have three tenants; the others one sender. */
export function drawTenants(random: SeededRandom, domains: readonly DomainPlan[]): TenantPlan[] {
  if (random.random() < 0.5) return [];
  const { name: domain, hosts } = random.pick(domains);
  const routed = random.integer(0, tenantNames.length - 1);
  return tenantNames.map((name, index) => ({
    name,
    domain: `${name}.test`,
    hostname: `mail.${name}.test`,
    localAddress: `127.200.0.${index + 1}`,
    verp: random.random() < 0.5,
    // A relay asks for a password, which only the routes of all tenants have.
    ownRoute: index === routed && !hosts[0]!.relay ? { domain, host: hosts.at(-1)!.name } : undefined,
  }));
}

const keys = new Map(
  tenantNames.map((name) => {
    const { privateKey } = generateKeyPairSync('ed25519');
    return [name, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()] as const;
  }),
);

/** Domains behind a relay that asks for a password. */
export function relayRoutes(domains: readonly DomainPlan[], user: string): Record<string, RouteOption> {
  const auth = { user, password: 'secret', insecure: true };
  const relayed = domains.filter(({ hosts }) => hosts[0]!.relay);
  return Object.fromEntries(
    relayed.map(({ name, hosts }) => [
      name,
      { type: 'smarthost', host: hosts[0]!.name, auth, tls: 'none' } as const,
    ]),
  );
}

/** The profile of each tenant. */
export function tenantProfiles(
  tenants: readonly TenantPlan[],
  domains: readonly DomainPlan[],
): ReadonlyMap<TenantName, SendingProfile> {
  return new Map(
    tenants.map(({ name, domain, hostname, localAddress, verp, ownRoute }) => [
      name,
      {
        name,
        hostname,
        dkim: { domain, selector: 's', privateKey: keys.get(name)! },
        dkimCheck: 'off',
        sources: [{ name, localAddresses: [localAddress] }],
        ...(verp && { verp: { address: `bounces@${domain}`, secret: `the secret of ${name}` } }),
        routes: {
          ...relayRoutes(domains, name),
          ...(ownRoute && {
            [ownRoute.domain]: { type: 'smarthost', host: ownRoute.host, tls: 'none' } as const,
          }),
        },
      },
    ]),
  );
}

/** Changes how profiles are chosen; a test hands in what chooses wrongly. */
export type ChangeProfiles = (profiles: ReadonlyMap<TenantName, SendingProfile>) => ProfileFor;

/** Each message is sent as its tenant. */
export const ownProfiles: ChangeProfiles =
  (profiles) =>
  ({ tenant }) =>
    profiles.get(tenant as TenantName)!;

/** Who a message appeared to come from, as the host that took it saw it. */
export interface Appearance {
  /** The session in which it came, by the step at which that began. */
  readonly session: number;
  readonly localAddress: string | undefined;
  /** Name in EHLO. */
  readonly hostname: string;
  /** User name of AUTH; undefined without AUTH. */
  readonly user: string | undefined;
  /** The reverse-path's mailbox. */
  readonly returnPath: string;
  /** Domain of From. */
  readonly author: string;
  /** Signing domains. */
  readonly signers: readonly string[];
}

/** Reads what a host saw of a message. */
export function appearanceOf(
  content: string,
  session: Omit<Appearance, 'author' | 'signers' | 'returnPath'>,
  mailCommand: string,
): Appearance {
  const header = content.slice(0, content.indexOf('\r\n\r\n')).replaceAll(/\r\n[ \t]+/g, ' ');
  return {
    ...session,
    returnPath: /<([^>]*)>/.exec(mailCommand)?.[1] ?? '',
    author: /^From:.*@([\w.-]+)/im.exec(header)?.[1] ?? '',
    signers: [...header.matchAll(/^DKIM-Signature:.*?\bd=([\w.-]+);/gim)].map(([, domain]) => domain!),
  };
}

/** What a host took, as far as it concerns who sent it. */
export interface Taken {
  readonly host: string;
  readonly messageId: string;
  readonly recipients: readonly string[];
  readonly appearance: Appearance;
}

/**
 * No message leaves under another tenant's key, name, address, return path, route, password or connection (PROF-10).
 *
 * @param tenantOf  The tenant under which the queue keeps a message, by its Message-ID.
 */
export function tenantsApart(
  tenants: readonly TenantPlan[],
  acceptances: readonly Taken[],
  tenantOf: (messageId: string) => string | undefined,
): string[] {
  if (tenants.length === 0) return [];
  const problems: string[] = [];
  const owners = new Map<number, TenantName>();
  for (const { host, messageId, recipients, appearance } of acceptances) {
    const tenant = tenants.find(({ domain }) => domain === appearance.author);
    const complain = (what: string) =>
      problems.push(`message ${messageId} of ${tenant?.name ?? 'nobody'} left ${what}`);
    if (!tenant || tenantOf(messageId) !== tenant.name) {
      complain(`as ${appearance.author}, and is kept for ${tenantOf(messageId)}`);
      continue;
    }
    const { name, domain, hostname, localAddress, verp, ownRoute } = tenant;
    if (appearance.signers.join() !== domain) complain(`with the key of ${appearance.signers}`);
    if (appearance.hostname !== hostname) complain(`with the name ${appearance.hostname}`);
    if (appearance.localAddress !== localAddress) complain(`from ${appearance.localAddress}`);
    if ((appearance.user ?? name) !== name) complain(`with the password of ${appearance.user}`);
    const path = verp
      ? new RegExp(`^(?:bounces\\+\\d+\\.\\d+-\\w{16}@${domain})?$`)
      : new RegExp(`^(?:sender@${domain})?$`);
    if (!path.test(appearance.returnPath)) complain(`with the return path ${appearance.returnPath}`);
    const routed = ownRoute && recipients.some((address) => address.endsWith(`@${ownRoute.domain}`));
    if (routed && host !== ownRoute.host) complain(`through ${host}, not by its own route`);
    const owner = owners.get(appearance.session) ?? name;
    owners.set(appearance.session, owner);
    if (owner !== name) complain(`over a connection of ${owner}`);
  }
  return problems;
}

/** What the runs with tenants went through; a test wants each of it to have happened. */
export function tenantCoverage(tenants: readonly TenantPlan[], acceptances: readonly Taken[]): string[] {
  if (tenants.length === 0) return [];
  const hosts = grouped(acceptances, ({ host }) => host);
  const authors = (taken: readonly Taken[]) => new Set(taken.map(({ appearance }) => appearance.author)).size;
  const sessions = grouped(acceptances, ({ appearance }) => appearance.session);
  const seen = (what: string, condition: boolean) => (condition ? [`tenants: ${what}`] : []);
  return [
    ...seen(
      'all three at one host',
      [...hosts.values()].some((taken) => authors(taken) === 3),
    ),
    ...seen(
      'several messages in one session',
      [...sessions.values()].some((taken) => taken.length > 1),
    ),
    ...seen(
      'a report',
      acceptances.some(({ appearance }) => appearance.returnPath === ''),
    ),
    ...seen(
      'a password',
      acceptances.some(({ appearance }) => appearance.user !== undefined),
    ),
    ...seen(
      'a return path for one recipient',
      acceptances.some(({ appearance }) => appearance.returnPath.includes('+')),
    ),
    ...seen(
      'a route of one tenant',
      tenants.some(({ domain, ownRoute }) =>
        acceptances.some(
          ({ host, appearance, recipients }) =>
            host === ownRoute?.host &&
            appearance.author === domain &&
            recipients.some((address) => address.endsWith(`@${ownRoute.domain}`)),
        ),
      ),
    ),
  ];
}

function grouped<Key>(taken: readonly Taken[], keyOf: (one: Taken) => Key): ReadonlyMap<Key, Taken[]> {
  const groups = new Map<Key, Taken[]>();
  for (const one of taken) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}

/** All of {@link tenantCoverage}. */
export const tenantSights = [
  'all three at one host',
  'several messages in one session',
  'a report',
  'a password',
  'a return path for one recipient',
  'a route of one tenant',
] as const;
