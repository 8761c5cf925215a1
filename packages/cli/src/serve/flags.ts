import { isIPv6 } from 'node:net';
import { InvalidArgumentError, Option } from 'commander';
import type { AlertFlags } from '../alert/alert-flags.ts';
import type { MasterKeyFlags } from '../domain/master-key.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import type { DeliveryFlags, SignatureFlags } from '../send/flags.ts';
import type { WebhookAllowFlag } from '../webhook/webhook-access.ts';
import type { LogFlags } from '../work/until-stopped.ts';

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** What a process of the service does. */
export const serveRoles = ['http', 'submission', 'worker', 'inbound'] as const;

/** One of {@link serveRoles}. */
export type ServeRole = (typeof serveRoles)[number];

/** Flags that say where the service listens and what it does. */
export interface ServeAddressFlags {
  readonly role: readonly ServeRole[];
  readonly http: ListenAddress;
  readonly submission?: ListenAddress;
  readonly submissions?: ListenAddress;
  readonly submissionSocket?: string;
  readonly inbound?: ListenAddress;
  readonly inboundDomain?: readonly string[];
  readonly tlsKey?: string;
  readonly tlsCert?: string;
  readonly maxMessageMb: number;
  readonly ui: boolean;
  readonly uiReadOnly?: true;
}

/** The flags of {@link ServeAddressFlags}. */
export function serveAddressOptions(): Option[] {
  return [
    new Option('--role <roles>', 'what this process does, such as http,worker')
      .default([...serveRoles], 'all')
      .argParser(parseRoles),
    new Option('--http <address>', 'address of the HTTP API')
      .default({ host: '127.0.0.1', port: 8025 }, '127.0.0.1:8025')
      .argParser(parseListenAddress)
      .env('MB_HTTP'),
    new Option('--submission <address>', 'take mail by SMTP with STARTTLS, such as 0.0.0.0:587')
      .argParser(parseListenAddress)
      .env('MB_SUBMISSION'),
    new Option('--submissions <address>', 'take mail by SMTP over TLS from the start, such as 0.0.0.0:465')
      .argParser(parseListenAddress)
      .env('MB_SUBMISSIONS'),
    new Option('--submission-socket <file>', 'take mail by SMTP without a key on a Unix socket').env(
      'MB_SUBMISSION_SOCKET',
    ),
    new Option('--inbound <address>', 'take bounces and complaints by SMTP, such as 0.0.0.0:25')
      .argParser(parseListenAddress)
      .env('MB_INBOUND'),
    new Option('--inbound-domain <domain...>', 'domains of the return paths'),
    new Option('--tls-key <file>', 'private key of the server, PEM').env('MB_TLS_KEY'),
    new Option('--tls-cert <file>', 'certificate chain of the server, PEM').env('MB_TLS_CERT'),
    new Option('--no-ui', 'without the dashboard at /ui'),
    new Option('--ui-read-only', 'let people who log in to the dashboard look, and change nothing'),
    new Option('--max-message-mb <megabytes>', 'longest message').default(64).argParser(parseMegabytes),
  ];
}

/** Reads `127.0.0.1:8025`, `[::1]:8025`, `:8025` (every address) or `8025` (this machine). */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:(?<host>\[[^\]]*\]|[^:]*):)?(?<port>\d{1,5})$/.exec(text);
  const port = Number(match?.groups?.port ?? Number.NaN);
  const given = match?.groups?.host;
  const host = given === undefined ? '127.0.0.1' : given === '' ? '::' : given.replace(/^\[(.*)\]$/, '$1');
  if (!(port <= 65_535) || (given?.startsWith('[') && !isIPv6(host))) {
    throw new InvalidArgumentError(
      'It must be an address with a port, such as 127.0.0.1:8025 or [::1]:8025.',
    );
  }
  return { host, port };
}

function parseRoles(text: string): ServeRole[] {
  const words = text.split(',').map((word) => word.trim());
  const wrong = words.find((word) => !(serveRoles as readonly string[]).includes(word));
  if (wrong !== undefined) throw new InvalidArgumentError(`It must be some of ${serveRoles.join(', ')}.`);
  return words as ServeRole[];
}

function parseMegabytes(text: string): number {
  const value = /^\d{1,4}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= 2047) return value;
  throw new InvalidArgumentError('It must be a whole number from 1 to 2047.');
}

/** All flags of `mb serve`. */
export interface ServeFlags
  extends StoreFlags,
    SignatureFlags,
    DeliveryFlags,
    MasterKeyFlags,
    ServeAddressFlags,
    LogFlags,
    WebhookAllowFlag,
    AlertFlags {
  readonly concurrency?: number;
  readonly grace: number;
  readonly drain: number;
}
