import { isIPv6 } from 'node:net';
import { InvalidArgumentError, Option } from 'commander';
import type { AlertFlags } from '../alert/alert-flags.ts';
import type { MasterKeyFlags } from '../domain/master-key.ts';
import { wholeNumber } from '../parse-flag.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import type { DeliveryFlags, SignatureFlags } from '../send/flags.ts';
import type { WebhookAllowFlag } from '../webhook/webhook-access.ts';
import type { LogFlags } from '../work/until-stopped.ts';

/** An address to listen on. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** The roles that a process of the service can have. */
export const serveRoles = ['http', 'submission', 'worker', 'inbound'] as const;

/** One of {@link serveRoles}. */
export type ServeRole = (typeof serveRoles)[number];

/** Flags for the addresses and roles of the service. */
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
    new Option('--submission <address>', 'accept mail by SMTP with STARTTLS, such as 0.0.0.0:587')
      .argParser(parseListenAddress)
      .env('MB_SUBMISSION'),
    new Option('--submissions <address>', 'accept mail by SMTP with implicit TLS, such as 0.0.0.0:465')
      .argParser(parseListenAddress)
      .env('MB_SUBMISSIONS'),
    new Option('--submission-socket <file>', 'accept mail by SMTP on a Unix socket, without an API key').env(
      'MB_SUBMISSION_SOCKET',
    ),
    new Option('--inbound <address>', 'accept bounces and complaints by SMTP, such as 0.0.0.0:25')
      .argParser(parseListenAddress)
      .env('MB_INBOUND'),
    new Option('--inbound-domain <domain...>', 'domains of the return paths'),
    new Option('--tls-key <file>', 'private key of the server, PEM').env('MB_TLS_KEY'),
    new Option('--tls-cert <file>', 'certificate chain of the server, PEM').env('MB_TLS_CERT'),
    new Option('--no-ui', 'do not serve the dashboard at /ui'),
    new Option('--ui-read-only', 'make the dashboard read-only'),
    new Option('--max-message-mb <megabytes>', 'maximum size of a message')
      .default(64)
      .argParser(wholeNumber(1, 2047)),
  ];
}

/** Parses `127.0.0.1:8025`, `[::1]:8025`, `:8025` (all addresses) or `8025` (127.0.0.1). */
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
  if (wrong !== undefined)
    throw new InvalidArgumentError(
      `It must be one or more of ${serveRoles.join(', ')}, separated by commas.`,
    );
  return words as ServeRole[];
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
