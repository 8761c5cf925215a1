import { group, integer, list, type OptionTable, readOptions, required, text } from '../option-table.ts';
import {
  certificateOptions,
  checkCertificate,
  hostnamePattern,
  type TlsCertificate,
} from '../submission/options.ts';

/** Where reports come in, and for whom. */
export interface InboundOptions {
  /** Domains of the return paths; mail for any other is refused. */
  readonly domains: readonly string[];
  /** Host name in the greeting: a name that the MX records of the domains give. */
  readonly hostname: string;
  /** Address to listen on. Default 127.0.0.1, which other machines cannot reach. */
  readonly host?: string | undefined;
  /** 0 takes a free one. Default 25. */
  readonly port?: number | undefined;
  /** For STARTTLS. Default: none is offered. */
  readonly tls?: TlsCertificate | undefined;
  /** Most connections at once; more are refused with 421. Default 100. */
  readonly maxClients?: number | undefined;
}

/** What each option accepts. */
export const inboundOptions = {
  domains: required(
    list(text('a domain such as bounces.example.com', { pattern: /^[A-Za-z0-9][\w-]*(?:\.[\w-]+)*$/ }), 1),
  ),
  hostname: required(text('a host name such as mail.example.com', { pattern: hostnamePattern })),
  host: text('a host name or an address', { default: '127.0.0.1', pattern: /^[^\s/]+$/ }),
  port: integer(0, 65_535, { default: 25 }),
  tls: group<TlsCertificate>(certificateOptions),
  maxClients: integer(1, 100_000, { default: 100 }),
} satisfies OptionTable<InboundOptions>;

/** @throws {ServerError} MB_SERVER_OPTION */
export function checkInboundOptions(given: InboundOptions) {
  const where = 'listenInbound: options';
  const options = readOptions<InboundOptions, typeof inboundOptions>(given, inboundOptions, where);
  if (options.tls) checkCertificate(options.tls, `${where}.tls`);
  return options;
}
