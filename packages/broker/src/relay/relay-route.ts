import type { AuthOptions } from '@mb/smtp-client';
import { BrokerError, optionError } from '../errors.ts';
import type { Relay } from '../route/next-hop.ts';

/**
 * Makes a route from the URL of a relay, as it is often kept in the environment.
 *
 * - `smtps://user:password@smtp.example.com` is TLS from the first octet, on port 465.
 * - `smtp://user:password@smtp.example.com` is STARTTLS on port 587, with a certificate that must be valid.
 * - `?tls=none`, `opportunistic` or `required` asks for less. Danger: the password and the mail then go to any host that answers.
 *
 * @param auth  In place of a user and password in the URL, such as `{ credentials: oauth2Credentials(…) }`.
 * @throws {BrokerError} MB_BROKER_OPTION; the message repeats no password.
 * @example
 * const broker = new MailBroker({ hostname, delivery: { routes: { '*': relayRoute(process.env.SMTP_URL) } } });
 */
export function relayRoute(url: string, auth?: AuthOptions): Relay {
  if (typeof url !== 'string' || !URL.canParse(url)) {
    throw wrong('must be a URL such as "smtps://user:password@smtp.example.com".');
  }
  const { protocol, hostname, port, username, password, pathname, searchParams, hash } = new URL(url);
  if (protocol !== 'smtp:' && protocol !== 'smtps:') throw wrong('must begin with smtp:// or smtps://.');
  if (hostname === '' || (pathname !== '' && pathname !== '/') || hash !== '') {
    throw wrong('must have a host, followed by nothing except a port and ?tls=….');
  }
  const [key, ...more] = searchParams.keys();
  const tls = searchParams.get('tls');
  if (more.length > 0 || (key !== undefined && key !== 'tls'))
    throw wrong('may have the parameter tls only.');
  if (tls !== null && !isLevel(tls)) throw wrong('tls must be none, opportunistic, required or verified.');
  if ((username === '') !== (password === ''))
    throw wrong('must have both a user and a password, or neither.');
  if (username !== '' && auth) throw wrong('must have no user when auth is given.');
  const own = username === '' ? auth : { user: decoded(username), password: decoded(password) };
  return {
    type: 'smarthost',
    host: literal(hostname),
    ...(port !== '' && { port: Number(port) }),
    ...(protocol === 'smtps:' && { implicitTls: true }),
    ...(tls !== null && { tls }),
    ...(own && { auth: own }),
  };
}

/** A service as the list of nodemailer describes it. */
interface Service {
  readonly host?: string;
  readonly port?: number;
  readonly secure?: boolean;
}

/**
 * Makes a route to a relay that is known by name, such as `Gmail`, `SendGrid` or `Postmark`, or by a domain or alias of
 * it. The list is that of the package nodemailer, which must be installed.
 *
 * @throws {BrokerError} MB_BROKER_OPTION for a name that is not in the list, or when nodemailer is not installed.
 * @example
 * const route = await wellKnownRelay('Gmail', { credentials: oauth2Credentials({ … }) });
 */
export async function wellKnownRelay(name: string, auth: AuthOptions): Promise<Relay> {
  let wellKnown: (key: string) => Service | false;
  try {
    const loaded = await import('nodemailer/lib/well-known');
    wellKnown = (loaded.default ?? loaded) as typeof wellKnown;
  } catch (cause) {
    throw new BrokerError(
      'MB_BROKER_OPTION',
      'api-misuse',
      'wellKnownRelay: the list of relays is in the package nodemailer; install it, or give a route with a host.',
      { cause },
    );
  }
  const service = typeof name === 'string' ? wellKnown(name) : false;
  if (!service || service.host === undefined) {
    throw optionError(
      `wellKnownRelay: ${JSON.stringify(String(name).slice(0, 40))} is not in the list of nodemailer; give a route with a host.`,
    );
  }
  const { host, port, secure } = service;
  return {
    type: 'smarthost',
    host,
    ...(port !== undefined && { port }),
    ...(secure === true && { implicitTls: true }),
    auth,
  };
}

function isLevel(value: string): value is NonNullable<Relay['tls']> {
  return ['none', 'opportunistic', 'required', 'verified'].includes(value);
}

/** RFC 5321 §4.1.3: an address says what it is. */
function literal(hostname: string): string {
  if (/^\d+(?:\.\d+){3}$/.test(hostname)) return `[${hostname}]`;
  return hostname.startsWith('[') ? `[IPv6:${hostname.slice(1)}` : hostname;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong('has a % in the user or password that is not an escape; write %25.');
  }
}

function wrong(reason: string): BrokerError {
  return optionError(`relayRoute: the URL ${reason}`);
}
