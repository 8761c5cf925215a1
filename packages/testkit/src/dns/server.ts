import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, isIP, type Server, type Socket } from 'node:net';
import dnsPacket, { type DecodedPacket } from 'dns-packet';
import { type Clock, systemClock } from '../clock.ts';
import { TestkitError } from '../errors.ts';
import {
  flag,
  group,
  integer,
  matching,
  type OptionTable,
  readOptions,
  record,
  withMethods,
  word,
} from '../option-table.ts';
import { type DnsFailure, type FailureScope, FailureTable, failureScopeOptions } from './failure.ts';
import { lookup } from './lookup.ts';
import { ednsOf, encodeFailure, encodeResponse, wantsAuthentic } from './response.ts';
import {
  type CompiledZone,
  canonicalName,
  compileZones,
  type DnsRecords,
  type DnsZone,
  type DnsZones,
  wholeName,
  zoneOptions,
} from './zone.ts';

/** Options of {@link startDnsServer}. */
export interface DnsServerOptions {
  /** The zones to serve; default none. */
  readonly zones?: DnsZones | undefined;
  /** Address to listen on, for UDP and TCP; default `127.0.0.1`. */
  readonly address?: string | undefined;
  /** Port for both; default 0, a free one. */
  readonly port?: number | undefined;
  /**
   * Answers as an authoritative server instead of a resolver: sets the AA flag, and does not follow an alias out of its
   * zone. Default false.
   */
  readonly authoritative?: boolean | undefined;
  /** Response code for names outside all zones; default `NXDOMAIN`, or `REFUSED` if `authoritative`. */
  readonly outside?: 'NXDOMAIN' | 'REFUSED' | 'SERVFAIL' | undefined;
  /** Maximum UDP answer in octets; a larger one is truncated (TC). Default 1232. */
  readonly maxUdpBytes?: number | undefined;
  /** Clock of delayed answers and of the times in the record; default the system's. */
  readonly clock?: Clock | undefined;
}

/** One question as received. */
export interface DnsQueryRecord {
  /** Milliseconds since 1970, by the server's clock. */
  readonly at: number;
  /** As received, in the same case. */
  readonly name: string;
  readonly type: string;
  readonly transport: 'udp' | 'tcp';
  readonly id: number;
  /** The UDP payload size of EDNS; undefined without EDNS. */
  readonly udpPayloadSize: number | undefined;
  readonly recursionDesired: boolean;
  /** Whether AD or DO was set. */
  readonly wantsAuthentic: boolean;
}

/** The checks of `DnsServerOptions`; records are checked when the zones are compiled. */
export const dnsServerOptions = {
  zones: record<DnsZone>(group<DnsZone>(zoneOptions)),
  address: matching<string>('an IP address', (value) => typeof value === 'string' && isIP(value) !== 0),
  port: integer(0, 65_535, { default: 0 }),
  authoritative: flag(),
  outside: word(['NXDOMAIN', 'REFUSED', 'SERVFAIL']),
  maxUdpBytes: integer(12, 65_535, { unit: 'octets' }),
  clock: withMethods<Clock>('now', 'setTimer'),
} satisfies OptionTable<DnsServerOptions>;
const BIND_ATTEMPTS = 20;
const TCP_IDLE_MS = 30_000;

/**
 * Starts a DNS server that answers like a resolver, over UDP and TCP, from zones in memory.
 *
 * @throws {TestkitError} MB_TESTKIT_OPTION for an invalid zone or option, MB_TESTKIT_LISTEN if it cannot listen.
 * @example
 * await using dns = await startDnsServer({
 *   zones: {
 *     'example.test': {
 *       records: {
 *         '@': { MX: '10 mx.example.test', TXT: 'v=spf1 mx -all' },
 *         mx: { A: '127.0.0.2' },
 *       },
 *     },
 *   },
 * });
 * dns.fail('example.test', 'SERVFAIL', { type: 'MX', times: 1 });
 */
export async function startDnsServer(given: DnsServerOptions = {}): Promise<DnsServer> {
  const options = readOptions<DnsServerOptions, typeof dnsServerOptions>(
    given,
    dnsServerOptions,
    'startDnsServer: options',
  );
  const zones = compileZones(options.zones ?? {});
  const { address = '127.0.0.1', port = 0 } = options;
  for (let attempt = 1; ; attempt++) {
    const tcp = createServer();
    const udp = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    try {
      const bound = await listenTcp(tcp, address, port);
      await bindUdp(udp, address, bound);
      return new DnsServer(tcp, udp, zones, { ...options, address, port: bound });
    } catch (cause) {
      tcp.close();
      udp.close();
      // The free TCP port may be in use for UDP; another one is tried.
      if (port === 0 && attempt < BIND_ATTEMPTS && (cause as NodeJS.ErrnoException).code === 'EADDRINUSE')
        continue;
      const message = `Cannot serve DNS on ${address} port ${port}: ${(cause as Error).message}.`;
      throw new TestkitError('MB_TESTKIT_LISTEN', message, { cause });
    }
  }
}

/** A running DNS server; created by {@link startDnsServer}. */
export class DnsServer implements AsyncDisposable {
  /** The address on which it listens. */
  readonly address: string;
  readonly port: number;
  /** `address:port` (`[address]:port` for IPv6), for `dns.setServers()`. */
  readonly server: string;
  /** All questions so far, in order of arrival. */
  readonly queries: DnsQueryRecord[] = [];
  readonly #tcp: Server;
  readonly #udp: UdpSocket;
  readonly #clock: Clock;
  readonly #maxUdpBytes: number;
  readonly #authoritative: boolean;
  readonly #outside: 'NXDOMAIN' | 'REFUSED' | 'SERVFAIL';
  readonly #failures = new FailureTable();
  readonly #connections = new Set<Socket>();
  readonly #delayed = new Set<() => void>();
  #zones: readonly CompiledZone[];
  #sources: DnsZones;
  #closed: Promise<void> | undefined;

  /** @internal Use {@link startDnsServer}. */
  constructor(
    tcp: Server,
    udp: UdpSocket,
    zones: readonly CompiledZone[],
    options: DnsServerOptions & { readonly address: string; readonly port: number },
  ) {
    this.#tcp = tcp;
    this.#udp = udp;
    this.#zones = zones;
    this.#sources = options.zones ?? {};
    this.address = options.address;
    this.port = options.port;
    this.server = options.address.includes(':')
      ? `[${options.address}]:${options.port}`
      : `${options.address}:${options.port}`;
    this.#clock = options.clock ?? systemClock;
    this.#maxUdpBytes = options.maxUdpBytes ?? 1232;
    this.#authoritative = options.authoritative ?? false;
    this.#outside = options.outside ?? (this.#authoritative ? 'REFUSED' : 'NXDOMAIN');
    udp.on('message', (message, from) => this.#receiveUdp(message, from));
    udp.on('error', () => {});
    tcp.on('connection', (socket) => this.#receiveTcp(socket));
  }

  /** Replaces all zones, starting with the next question. */
  setZones(zones: DnsZones): void {
    this.#zones = compileZones(zones);
    this.#sources = zones;
  }

  /** Replaces the records of one name in a zone of this server; `{}` leaves the name without records. */
  setRecords(apex: string, owner: string, records: DnsRecords): void {
    const zone = this.#sources[apex];
    if (zone === undefined) {
      throw new TestkitError('MB_TESTKIT_OPTION', `No zone "${apex}" is served; add it with setZones().`);
    }
    const name = wholeName(owner, canonicalName(apex));
    const others = Object.entries(zone.records).filter(
      ([key]) => wholeName(key, canonicalName(apex)) !== name,
    );
    this.setZones({
      ...this.#sources,
      [apex]: { ...zone, records: { ...Object.fromEntries(others), [owner]: records } },
    });
  }

  /** Simulates a failure for a name (`*`: all names), until {@link DnsServer.heal} or as often as `scope` says. */
  fail(name: string, failure: DnsFailure, scope: FailureScope = {}): void {
    const checked = readOptions<FailureScope, typeof failureScopeOptions>(
      scope,
      failureScopeOptions,
      'fail: scope',
    );
    this.#failures.add(canonicalName(name), failure, checked);
  }

  /** Removes the failures of a name; without a name, all failures. */
  heal(name?: string): void {
    this.#failures.clear(name === undefined ? undefined : canonicalName(name));
  }

  /** Stops immediately: delayed answers are dropped, and TCP connections are closed. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      for (const cancel of this.#delayed) cancel();
      for (const connection of this.#connections) connection.destroy();
      await Promise.all([
        new Promise<void>((resolve) => this.#udp.close(resolve)),
        new Promise<void>((resolve) => this.#tcp.close(() => resolve())),
      ]);
    })();
    return this.#closed;
  }

  /** Closes at the end of an `await using` scope. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #receiveUdp(message: Buffer, from: RemoteInfo): void {
    this.#respond(message, 'udp', (response) => {
      if (response !== undefined && this.#closed === undefined) {
        this.#udp.send(response, from.port, from.address);
      }
    });
  }

  #receiveTcp(socket: Socket): void {
    this.#connections.add(socket);
    let pending = Buffer.alloc(0);
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
    socket.on('data', (octets) => {
      pending = Buffer.concat([pending, octets]);
      // RFC 1035 §4.2.2: each message is preceded by its length in two octets.
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const message = pending.subarray(2, end);
        pending = pending.subarray(end);
        this.#respond(message, 'tcp', (response) => {
          if (response === undefined) socket.end();
          else socket.write(Buffer.concat([lengthOf(response), response]));
        });
      }
    });
  }

  #respond(message: Buffer, transport: 'udp' | 'tcp', send: (response: Buffer | undefined) => void): void {
    const query = decodeQuery(message);
    const question = query?.questions?.[0];
    if (query === undefined || question === undefined) {
      send(formatError(message));
      return;
    }
    this.#record(query, question.name, question.type, transport);
    const limits = { transport, maxUdpBytes: this.#maxUdpBytes };
    const result = lookup(this.#zones, question, this.#outside, !this.#authoritative);
    const truth = encodeResponse(query, { ...result, speaksForZone: this.#authoritative }, limits);
    const told = this.#failures.take(canonicalName(question.name), question.type, transport);
    const { delayMs, failure } = typeof told === 'object' ? told : { delayMs: 0, failure: told };
    const act = () => {
      const response = failure === undefined ? truth : encodeFailure(query, failure, truth, transport);
      if (response !== undefined || failure === 'close') send(response);
    };
    if (delayMs > 0) this.#later(act, delayMs);
    else act();
  }

  #record(query: DecodedPacket, name: string, type: string, transport: 'udp' | 'tcp'): void {
    this.queries.push({
      at: this.#clock.now(),
      name,
      type,
      transport,
      id: query.id ?? 0,
      udpPayloadSize: ednsOf(query)?.udpPayloadSize,
      recursionDesired: query.flag_rd,
      wantsAuthentic: wantsAuthentic(query),
    });
  }

  #later(act: () => void, delayMs: number): void {
    const cancel = this.#clock.setTimer(() => {
      this.#delayed.delete(cancel);
      act();
    }, delayMs);
    this.#delayed.add(cancel);
  }
}

function decodeQuery(message: Buffer): DecodedPacket | undefined {
  try {
    const packet = dnsPacket.decode(message);
    return packet.flag_qr ? undefined : packet;
  } catch {
    return undefined;
  }
}

/**
 * Returns FORMERR with the identifier of an unreadable message (RFC 1035 §4.1.1); undefined if it is a response or
 * shorter than a header.
 */
function formatError(message: Buffer): Buffer | undefined {
  const isResponse = ((message[2] ?? 0) & 0x80) !== 0;
  if (message.length < 12 || isResponse) return undefined;
  const response = Buffer.alloc(12);
  message.copy(response, 0, 0, 2);
  response.writeUInt16BE(0x8001, 2);
  return response;
}

function lengthOf(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return length;
}

function listenTcp(server: Server, address: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => {
      server.off('error', reject);
      resolve((server.address() as { port: number }).port);
    });
  });
}

function bindUdp(socket: UdpSocket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}
