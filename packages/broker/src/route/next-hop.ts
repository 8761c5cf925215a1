import { domainToASCII } from 'node:url';
import { type FoundRoute, findMailRoute, findSmarthostRoute, type MailRoute, type Resolver } from '@mb/dns';
import { type AuthOptions, checkAuth, SmtpError, type TlsLevel } from '@mb/smtp-client';
import { byIdentity } from '../by-identity.ts';
import { optionError } from '../errors.ts';
import {
  flag,
  group,
  integer,
  list,
  literal,
  matching,
  type OptionRow,
  type OptionTable,
  readOptions,
  required,
  text,
  word,
} from '../option-table.ts';
import { misconfigured } from './local-watch.ts';

/** A route to a relay, usually with a password. */
export interface Relay {
  readonly type: 'smarthost';
  /** Host name, or an address literal such as `[192.0.2.1]`. Private addresses are fine: you named it. */
  readonly host: string;
  /** Default 587, or 465 with `implicitTls` (RFC 8314). */
  readonly port?: number | undefined;
  readonly auth?: AuthOptions | undefined;
  /** Default `verified`. Danger: anything less gives the password and the mail to any host that answers. */
  readonly tls?: Exclude<TlsLevel, 'dane'> | undefined;
  /** TLS from the first octet. Default false. */
  readonly implicitTls?: boolean | undefined;
}

/** Where the mail of a domain goes. */
export type RouteOption =
  /** To its mail exchangers, as DNS says. The default. */
  | {
      readonly type: 'mx';
      /**
       * The relay to use while nothing gets out on the mail port, which the broker notices when at least two hosts are
       * silent; ten minutes later it tries the exchangers again. Default none.
       */
      readonly fallback?: Relay | undefined;
    }
  | Relay
  /** To a mail store on this machine or network (RFC 2033). */
  | {
      readonly type: 'lmtp';
      readonly host: string;
      /** Default 24. */
      readonly port?: number | undefined;
      /** Default `opportunistic`. */
      readonly tls?: Exclude<TlsLevel, 'dane'> | undefined;
    };

type Route<Type extends RouteOption['type']> = Extract<RouteOption, { readonly type: Type }>;

const host = required(text('the name or the address of a host', { pattern: /^[^\s\x00-\x20\x7f]+$/ }));
const port = integer(1, 65_535);
const level = word(['none', 'opportunistic', 'required', 'verified']);

/** AUTH in all its forms; `checkAuth` says which of them go together. */
interface AuthFields {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly accessToken?: string | undefined;
  readonly credentials?: unknown;
  readonly mechanisms?: readonly unknown[] | undefined;
  readonly insecure?: boolean | undefined;
}

/** What `auth` accepts. */
const authOptions = {
  user: text(),
  password: text(),
  accessToken: text(),
  credentials: matching<object>('a function', (value) => typeof value === 'function') as OptionRow<unknown>,
  mechanisms: list<unknown>(
    matching<object>(
      'the name of a mechanism, or a SaslMechanism',
      (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
    ) as OptionRow<unknown>,
    1,
  ),
  insecure: flag(),
} satisfies OptionTable<AuthFields>;

/** What each kind of route accepts. */
export const routeOptions = {
  mx: {
    type: required(literal('mx')),
    fallback: matching<Relay>(
      'a route whose type is "smarthost"',
      (value) => (value as Relay | null)?.type === 'smarthost',
    ),
  } satisfies OptionTable<Route<'mx'>>,
  smarthost: {
    type: required(literal('smarthost')),
    host,
    port,
    auth: group<AuthFields>(authOptions) as unknown as OptionRow<AuthOptions>,
    tls: level,
    implicitTls: flag(),
  } satisfies OptionTable<Route<'smarthost'>>,
  lmtp: { type: required(literal('lmtp')), host, port, tls: level } satisfies OptionTable<Route<'lmtp'>>,
};

/** Reads the routes of a broker. @throws {BrokerError} MB_BROKER_OPTION */
export function readRoutes(
  routes: Readonly<Record<string, RouteOption>>,
  where: string,
): Readonly<Record<string, RouteOption>> {
  const read = new Map<string, RouteOption>();
  for (const [key, given] of Object.entries(routes)) {
    const path = `${where}[${JSON.stringify(key.slice(0, 80))}]`;
    const domain = readRouteKey(key);
    if (domain === undefined) {
      throw optionError(`${path}: a route is for a domain, for a parent such as ".example.com", or for "*".`);
    }
    if (read.has(domain)) throw optionError(`${path}: there are two routes for ${domain}.`);
    read.set(domain, readRoute(given, path));
  }
  return Object.fromEntries(read);
}

function readRoute(given: RouteOption, path: string): RouteOption {
  const table = Object.hasOwn(routeOptions, String(given?.type)) ? routeOptions[given.type] : undefined;
  if (table === undefined) {
    throw optionError(`${path} must be an object whose type is "mx", "smarthost" or "lmtp".`);
  }
  const route = readOptions(given, table as OptionTable<RouteOption>, path) as RouteOption;
  if (route.type === 'mx' && route.fallback) {
    return { ...route, fallback: readRoute(route.fallback, `${path}.fallback`) as Relay };
  }
  if (route.type !== 'smarthost' || route.auth === undefined) return route;
  try {
    checkAuth(route.auth, `${path}.auth`);
  } catch (error) {
    throw SmtpError.isInstance(error) ? optionError(error.message) : error;
  }
  return route;
}

/** A key of `routes` as {@link routeFor} looks for it: in lower case, in A-labels; undefined when it is no domain. */
function readRouteKey(key: string): string | undefined {
  const ascii = /[^\x00-\x7f]/.test(key) ? domainToASCII(key.replace(/^\./, '')) : key.replace(/^\./, '');
  const domain = ascii.toLowerCase().replace(/\.$/, '');
  if (domain === '*') return key === '*' ? key : undefined;
  if (!/^(?:[\w-]+(?:\.[\w-]+)*|\[[\w.:]+\])$/.test(domain)) return undefined;
  return key.startsWith('.') ? `.${domain}` : domain;
}

/** Hosts for a domain and how they are to be talked to. */
export interface NextHop {
  readonly route: MailRoute;
  readonly port: number;
  readonly protocol: 'smtp' | 'lmtp';
  /** Set for configured hosts, where no policy is looked up. */
  readonly tls?: TlsLevel;
  readonly implicitTls: boolean;
  readonly auth?: AuthOptions;
}

/** A next hop that was found. */
export interface ReachableHop extends NextHop {
  readonly route: FoundRoute;
}

/** How next hops are chosen. */
export interface RouteSettings {
  readonly port: number;
  readonly allowAddresses: readonly string[];
  readonly families: readonly (4 | 6)[];
  readonly maxHosts: number;
  readonly routes: Readonly<Record<string, RouteOption>>;
}

/** What {@link findNextHop} needs from outside. */
export interface NextHopEnvironment {
  readonly resolver: Resolver;
  readonly delivery: RouteSettings;
  readonly random: () => number;
  readonly hostname: string;
  /** Whether nothing gets out on the mail port; default: it is not known. */
  readonly egress?: { blocked(): string | undefined };
}

/** A configured host may have any address: the operator chose it. */
const everywhere = ['0.0.0.0/0', '::/0'];

/**
 * Finds the hosts for a domain: by the route configured for it, for one of its parents (`.example.com`) or for all
 * (`*`), else by its mail exchangers.
 */
export async function findNextHop(
  domain: string,
  { resolver, delivery, random, hostname, egress }: NextHopEnvironment,
  signal: AbortSignal | undefined,
): Promise<NextHop> {
  const configured = routeFor(domain, delivery.routes);
  const blocked = configured.type === 'mx' && configured.fallback && egress?.blocked() !== undefined;
  const option = blocked ? configured.fallback : configured;
  const { families, maxHosts } = delivery;
  const common = { random, families, maxHosts, signal };
  if (option.type === 'mx') {
    const { allowAddresses, port } = delivery;
    const self = { names: [hostname] };
    const route = await findMailRoute(domain, resolver, { ...common, allowAddresses, self });
    return { route: withAllowHint(route), port, protocol: 'smtp', implicitTls: false };
  }
  const found = await findSmarthostRoute(option.host, resolver, { ...common, allowAddresses: everywhere });
  const route = asOwnTrouble(found, option.host);
  if (option.type === 'lmtp') {
    const { port = 24, tls = 'opportunistic' } = option;
    return { route, port, protocol: 'lmtp', tls, implicitTls: false };
  }
  const { implicitTls = false, port = implicitTls ? 465 : 587, tls = 'verified', auth } = option;
  return { route, port, protocol: 'smtp', tls, implicitTls, ...(auth && { auth }) };
}

/** Says which option permits an address that was refused because it is not public. */
function withAllowHint(route: MailRoute): MailRoute {
  if (route.status === 'found' || route.refusedAddresses === undefined) return route;
  const networks = route.refusedAddresses.slice(0, 3).join(', ');
  const reason = `${route.reason} To deliver there, list ${networks} or its network in delivery.allowAddresses (--allow of mb).`;
  return { ...route, reason };
}

/** a configured host that cannot be found is a mistake or an outage of ours, which never makes mail fail. */
function asOwnTrouble(route: MailRoute, host: string): MailRoute {
  if (route.status === 'found' || route.scope === 'local') return route;
  const reason = `The host "${host}" in delivery.routes cannot be used: ${route.reason}`;
  return {
    ...route,
    status: 'temporary',
    scope: 'local',
    enhancedCode: misconfigured,
    replyCode: 451,
    reason,
  };
}

/**
 * Names the relay or mail store that the mail of a domain goes to by configuration; undefined where its mail exchangers
 * are asked for. Domains with the same name share transactions.
 */
export function configuredHop(
  domain: string,
  routes: Readonly<Record<string, RouteOption>>,
): string | undefined {
  const option = routeFor(domain, routes);
  return option.type === 'mx' ? undefined : JSON.stringify(option, byIdentity);
}

/** The most specific entry wins: the domain itself, `.parent`, `*`. */
export function routeFor(domain: string, routes: Readonly<Record<string, RouteOption>>): RouteOption {
  if (Object.hasOwn(routes, domain)) return routes[domain]!;
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    const parent = domain.slice(dot);
    if (Object.hasOwn(routes, parent)) return routes[parent]!;
  }
  return Object.hasOwn(routes, '*') ? routes['*']! : { type: 'mx' };
}
