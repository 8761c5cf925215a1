import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { connect } from 'node:net';
import dnsPacket, { type DecodedPacket, type Packet } from 'dns-packet';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type DnsServer,
  type DnsServerOptions,
  type DnsZones,
  reverseName,
  startDnsServer,
  VirtualClock,
} from '../../src/index.ts';

const ZONES: DnsZones = {
  'example.test': {
    authentic: true,
    records: {
      '@': {
        MX: ['10 mx1.example.test', { preference: 20, exchange: 'mx2.example.test' }],
        TXT: 'v=spf1 mx -all',
      },
      mx1: { A: ['127.0.0.2', '127.0.0.3'], AAAA: '::1', ttlSeconds: 7 },
      'mx2.example.test': { A: '127.0.0.4' },
      www: { CNAME: 'mx1.example.test' },
      away: { CNAME: 'host.unsigned.test' },
      loop: { CNAME: 'loop2.example.test' },
      loop2: { CNAME: 'loop.example.test' },
      '_25._tcp.mx1': { TLSA: `3 1 1 ${'ab'.repeat(32)}` },
      long: { TXT: ['x'.repeat(600), ['one', 'two']] },
      big: { TXT: Array.from({ length: 20 }, (_, i) => `${i}${'y'.repeat(100)}`) },
      '*.wild': { TXT: 'matched' },
      'real.wild': { A: '127.0.0.5' },
      nullmx: { MX: '0 .' },
    },
  },
  'sub.example.test': { records: { '@': { A: '127.0.0.9' } } },
  'unsigned.test': { records: { host: { A: '127.0.0.6' } }, negativeTtlSeconds: 11 },
  '127.in-addr.arpa': { records: { [reverseName('127.0.0.2')]: { PTR: 'mx1.example.test' } } },
};

const servers: DnsServer[] = [];

async function serve(options: DnsServerOptions = {}): Promise<DnsServer> {
  const server = await startDnsServer({ zones: ZONES, ...options });
  servers.push(server);
  return server;
}

afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

type Response = DecodedPacket & { rcode: string; octets: Buffer };

function question(name: string, type: string, extra: Partial<Packet> = {}): Buffer {
  const questions = [{ name, type: type as 'A' }];
  return dnsPacket.encode({ type: 'query', id: 77, flags: dnsPacket.RECURSION_DESIRED, questions, ...extra });
}

const edns = (udpPayloadSize: number, flags = 0): Partial<Packet> => ({
  additionals: [
    {
      type: 'OPT',
      name: '.',
      udpPayloadSize,
      flags,
      extendedRcode: 0,
      ednsVersion: 0,
      flag_do: flags > 0,
      options: [],
    },
  ],
});

/** The octets that come back over UDP; undefined when none do within `waitMs`. */
function askRaw(server: DnsServer, query: Buffer, waitMs = 1_000): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const done = (answer?: Buffer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(done, waitMs);
    socket.on('message', done);
    socket.send(query, server.port, server.address);
  });
}

async function ask(
  server: DnsServer,
  name: string,
  type: string,
  extra?: Partial<Packet>,
): Promise<Response> {
  const octets = await askRaw(server, question(name, type, extra));
  if (octets === undefined) throw new Error(`no answer for ${name} ${type}`);
  return { ...dnsPacket.decode(octets), octets } as Response;
}

function askTcp(server: DnsServer, octets: Buffer, cut = octets.length): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = connect(server.port, server.address);
    let answer = Buffer.alloc(0);
    socket.on('data', (data) => {
      answer = Buffer.concat([answer, data]);
    });
    socket.on('close', () => resolve(answer));
    socket.write(octets.subarray(0, cut));
    setTimeout(() => socket.end(octets.subarray(cut)), 10);
  });
}

const framed = (message: Buffer) =>
  Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
const data = (response: Response) =>
  response.answers?.map((record) => ('data' in record ? record.data : undefined));

describe('answers', () => {
  it('are those of the zone, to a client we did not write', async () => {
    const server = await serve();
    const resolver = new Resolver();
    resolver.setServers([server.server]);
    expect(await resolver.resolveMx('example.test')).toMatchObject([
      { priority: 10, exchange: 'mx1.example.test' },
      { priority: 20, exchange: 'mx2.example.test' },
    ]);
    expect(await resolver.resolve4('mx1.example.test', { ttl: true })).toMatchObject([
      { address: '127.0.0.2', ttl: 7 },
      { address: '127.0.0.3', ttl: 7 },
    ]);
    expect(await resolver.resolve6('mx1.example.test')).toEqual(['::1']);
    expect(await resolver.resolve4('www.example.test')).toEqual(['127.0.0.2', '127.0.0.3']);
    expect(await resolver.resolve4('away.example.test')).toEqual(['127.0.0.6']);
    expect(await resolver.reverse('127.0.0.2')).toEqual(['mx1.example.test']);
    expect(await resolver.resolveTxt('long.example.test')).toEqual([
      ['x'.repeat(255), 'x'.repeat(255), 'x'.repeat(90)],
      ['one', 'two'],
    ]);
    expect((await resolver.resolveTxt('big.example.test')).length).toBe(20);
    expect((await resolver.resolveSoa('example.test')).nsname).toBe('ns.example.test');
    expect((await resolver.resolveTlsa('_25._tcp.mx1.example.test'))[0]).toMatchObject({
      certUsage: 3,
      selector: 1,
      match: 1,
    });
    expect(await resolver.resolveMx('nullmx.example.test')).toMatchObject([{ priority: 0, exchange: '' }]);
    await expect(resolver.resolve4('loop.example.test')).rejects.toMatchObject({ code: 'ESERVFAIL' });
    await expect(resolver.resolve4('no.example.test')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve4('example.test')).rejects.toMatchObject({ code: 'ENODATA' });
  });

  it('tell NODATA from NXDOMAIN, with the SOA of the zone', async () => {
    const server = await serve();
    const nodata = await ask(server, 'mx1.example.test', 'MX');
    expect([nodata.rcode, nodata.answers?.length, nodata.authorities?.[0]?.type]).toEqual([
      'NOERROR',
      0,
      'SOA',
    ]);
    const nothing = await ask(server, 'nothing.unsigned.test', 'MX');
    expect(nothing.rcode).toBe('NXDOMAIN');
    expect(nothing.authorities?.[0]).toMatchObject({ name: 'unsigned.test', ttl: 11, data: { minimum: 11 } });
    // RFC 8020 §2: a name with something below it exists.
    expect((await ask(server, '_tcp.mx1.example.test', 'A')).rcode).toBe('NOERROR');
  });

  it('take the deepest zone, and wildcards only where no name exists', async () => {
    const server = await serve();
    expect(data(await ask(server, 'sub.example.test', 'A'))).toEqual(['127.0.0.9']);
    expect(data(await ask(server, 'a.b.wild.example.test', 'TXT'))).toEqual([[Buffer.from('matched')]]);
    expect((await ask(server, 'real.wild.example.test', 'TXT')).answers).toEqual([]);
    expect((await ask(server, 'x.real.wild.example.test', 'TXT')).rcode).toBe('NXDOMAIN');
  });

  it('answer outside all zones as told', async () => {
    expect((await ask(await serve(), 'example.org', 'A')).rcode).toBe('NXDOMAIN');
    expect((await ask(await serve({ outside: 'REFUSED' }), 'example.org', 'A')).rcode).toBe('REFUSED');
  });

  it('keep the case of the question', async () => {
    const response = await ask(await serve(), 'eXample.TEST', 'MX');
    expect(response.questions?.[0]?.name).toBe('eXample.TEST');
    expect(response.answers?.[0]?.name).toBe('eXample.TEST');
  });

  it('are authentic only where the zone is, all through a chain, and the client asked', async () => {
    const server = await serve();
    const AD = { flags: dnsPacket.AUTHENTIC_DATA };
    expect((await ask(server, 'example.test', 'MX', AD)).flag_ad).toBe(true);
    expect((await ask(server, 'example.test', 'MX', edns(1232, dnsPacket.DNSSEC_OK))).flag_ad).toBe(true);
    expect((await ask(server, 'example.test', 'MX')).flag_ad).toBe(false);
    expect((await ask(server, 'host.unsigned.test', 'A', AD)).flag_ad).toBe(false);
    expect((await ask(server, 'away.example.test', 'A', AD)).flag_ad).toBe(false);
    expect((await ask(server, 'no.example.test', 'A', AD)).flag_ad).toBe(true);
  });

  it('are truncated where they do not fit, and whole over TCP', async () => {
    const server = await serve();
    const plain = await ask(server, 'long.example.test', 'TXT');
    expect([plain.flag_tc, plain.answers?.length, plain.octets.length <= 512]).toEqual([true, 0, true]);
    expect((await ask(server, 'long.example.test', 'TXT', edns(1232))).flag_tc).toBe(false);
    expect((await ask(server, 'big.example.test', 'TXT', edns(4096))).flag_tc).toBe(true);
    const query = framed(question('big.example.test', 'TXT'));
    const answer = await askTcp(server, Buffer.concat([query, query]), 1);
    const first = dnsPacket.decode(answer.subarray(2));
    expect(first.answers?.length).toBe(20);
    expect(answer.length).toBe(2 * (2 + answer.readUInt16BE(0)));
  });
});

describe('failures', () => {
  it('show by name, type, transport and number of times, until healed', async () => {
    const server = await serve();
    server.fail('EXAMPLE.test.', 'SERVFAIL', { type: 'MX', times: 1 });
    expect((await ask(server, 'example.test', 'TXT')).rcode).toBe('NOERROR');
    expect((await ask(server, 'example.test', 'MX')).rcode).toBe('SERVFAIL');
    expect((await ask(server, 'example.test', 'MX')).rcode).toBe('NOERROR');
    server.fail('*', 'REFUSED');
    expect((await ask(server, 'example.test', 'MX')).rcode).toBe('REFUSED');
    server.heal();
    server.fail('example.test', 'FORMERR', { transport: 'tcp' });
    expect((await ask(server, 'example.test', 'MX')).rcode).toBe('NOERROR');
    server.heal('example.test');
    for (const rcode of ['NOTIMP', 'NXDOMAIN'] as const) {
      server.fail('example.test', rcode);
      expect((await ask(server, 'example.test', 'MX')).rcode).toBe(rcode);
    }
  });

  it('garble answers', async () => {
    const server = await serve();
    const get = (failure: Parameters<DnsServer['fail']>[1]) => {
      server.fail('example.test', failure, { times: 1 });
      return askRaw(server, question('example.test', 'MX'), 100);
    };
    expect(await get('drop')).toBeUndefined();
    expect((await get('wrong-id'))?.readUInt16BE(0)).toBe(78);
    expect(dnsPacket.decode((await get('wrong-question'))!).questions?.[0]?.name).toBe('something.else.test');
    expect(dnsPacket.decode((await get('truncated'))!).flag_tc).toBe(true);
    const garbage = await get('garbage');
    expect(() => dnsPacket.decode(garbage!)).toThrow();
    const cut = await get('cut');
    expect(() => dnsPacket.decode(cut!)).toThrow();
  });

  it('drop a query or the connection over TCP', async () => {
    const server = await serve();
    server.fail('example.test', 'close');
    expect((await askTcp(server, framed(question('example.test', 'MX')))).length).toBe(0);
  });

  it('delay on the clock', async () => {
    const clock = new VirtualClock();
    const server = await serve({ clock });
    server.fail('example.test', { delayMs: 5_000, failure: 'SERVFAIL' });
    const answer = askRaw(server, question('example.test', 'MX'), 2_000);
    while (clock.pendingTimers === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    await clock.advance(5_000);
    expect((dnsPacket.decode((await answer)!) as Response).rcode).toBe('SERVFAIL');
  });
});

describe('a server', () => {
  it('records every question', async () => {
    const server = await serve();
    await ask(server, 'Example.test', 'MX', edns(1400, dnsPacket.DNSSEC_OK));
    await askTcp(server, framed(question('example.test', 'TXT')));
    expect(server.queries).toMatchObject([
      {
        name: 'Example.test',
        type: 'MX',
        transport: 'udp',
        udpPayloadSize: 1400,
        wantsAuthentic: true,
        id: 77,
      },
      {
        name: 'example.test',
        type: 'TXT',
        transport: 'tcp',
        udpPayloadSize: undefined,
        recursionDesired: true,
      },
    ]);
  });

  it('can change while it runs', async () => {
    const server = await serve();
    server.setRecords('example.test', 'mx2', { A: '127.9.9.9' });
    expect(data(await ask(server, 'mx2.example.test', 'A'))).toEqual(['127.9.9.9']);
    server.setZones({});
    expect((await ask(server, 'mx2.example.test', 'A')).rcode).toBe('NXDOMAIN');
    expect(() => server.setRecords('example.test', 'mx2', {})).toThrow(/setZones/);
  });

  it('survives octets that are no query', async () => {
    const server = await serve();
    expect(await askRaw(server, Buffer.from('short'), 50)).toBeUndefined();
    expect(await askRaw(server, dnsPacket.encode({ type: 'response', id: 1 }), 50)).toBeUndefined();
    const answer = await askRaw(
      server,
      Buffer.concat([question('example.test', 'MX').subarray(0, 14), Buffer.alloc(9, 255)]),
    );
    expect(answer && (dnsPacket.decode(answer) as Response).rcode).toBe('FORMERR');
    expect((await askTcp(server, Buffer.from([0, 3, 1, 2, 3]))).length).toBe(0);
    expect((await ask(server, 'example.test', 'MX')).rcode).toBe('NOERROR');
  });

  it('refuses wrong zones and options with a message that names them', async () => {
    const wrong = (records: object) => startDnsServer({ zones: { 'example.test': { records } } as DnsZones });
    await expect(wrong({ a: { A: '::1' } })).rejects.toThrow(
      'a.example.test A: "::1" is not an IPv4 address.',
    );
    await expect(wrong({ a: { AAAA: '1.2.3.4' } })).rejects.toThrow('not an IPv6 address');
    await expect(wrong({ a: { MX: 'mx.example.test' } })).rejects.toThrow('such as "10 mx.example.test"');
    await expect(wrong({ a: { TLSA: '3 1 1 abc' } })).rejects.toThrow('TLSA');
    await expect(wrong({ a: { SPF: 'x' } })).rejects.toThrow('no key "SPF"');
    await expect(startDnsServer({ records: {} } as DnsServerOptions)).rejects.toMatchObject({
      kind: 'api-misuse',
    });
    const { port } = await serve();
    await expect(startDnsServer({ port })).rejects.toMatchObject({ code: 'MB_TESTKIT_LISTEN' });
  });

  it('closes at once while answers are delayed and connections open', async () => {
    const server = await serve();
    server.fail('*', { delayMs: 60_000 });
    const answer = askRaw(server, question('example.test', 'MX'), 100);
    const socket = connect(server.port, server.address);
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.on('error', () => {});
    const start = performance.now();
    await server.close();
    expect(performance.now() - start).toBeLessThan(20_000);
    expect(await answer).toBeUndefined();
  });
});

it('reverse names are those of RFC 1035 and RFC 3596', () => {
  expect(reverseName('192.0.2.1')).toBe('1.2.0.192.in-addr.arpa');
  const zeros = (count: number) => '0.'.repeat(count);
  expect(reverseName('2001:db8::1')).toBe(`1.${zeros(23)}8.b.d.0.1.0.0.2.ip6.arpa`);
  expect(reverseName('::')).toBe(`${zeros(32)}ip6.arpa`);
  expect(reverseName('::ffff:192.0.2.1').startsWith('1.0.2.0.0.0.0.c.f.f.f.f.0')).toBe(true);
  expect(() => reverseName('example.test')).toThrow('not an IP address');
});
