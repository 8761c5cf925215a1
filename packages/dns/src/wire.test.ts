import packet from 'dns-packet';
import { describe, expect, it } from 'vitest';
import { DnsError } from './errors.ts';
import { decodeResponse, encodeQuery, readData } from './wire.ts';

function malformed(octets: Uint8Array): string {
  try {
    decodeResponse(octets);
  } catch (error) {
    if (DnsError.isInstance(error)) return error.code;
    throw error;
  }
  return 'accepted';
}

const header = (counts: readonly number[], flags = 0x8180) => {
  const octets = Buffer.alloc(12);
  octets.writeUInt16BE(flags, 2);
  for (const [index, count] of counts.entries()) octets.writeUInt16BE(count, 4 + 2 * index);
  return octets;
};

describe('DNS messages', () => {
  it('DNS-02 asks with EDNS(0), recursion and AD, as another decoder reads it', () => {
    const octets = encodeQuery({ id: 0xbeef, name: 'MX.example.org', type: 'TLSA', checkingDisabled: true });
    expect(packet.decode(Buffer.from(octets))).toMatchObject({
      id: 0xbeef,
      type: 'query',
      flag_rd: true,
      flag_ad: true,
      flag_cd: true,
      questions: [{ name: 'MX.example.org', type: 'TLSA', class: 'IN' }],
      additionals: [{ type: 'OPT', udpPayloadSize: 1232 }],
    });
    expect(encodeQuery({ id: 1, name: '.', type: 'NS', edns: false })).toHaveLength(17);
  });

  it('DNS-04 calls every kind of garbage malformed', () => {
    const question = Buffer.from([0, 0, 1, 0, 1]);
    const cases: Record<string, Uint8Array> = {
      empty: new Uint8Array(0),
      'cut header': new Uint8Array(11),
      '64 kB of zeroes': new Uint8Array(65_535),
      'a query': header([1, 0, 0, 0], 0x0100),
      'two questions': Buffer.concat([header([2, 0, 0, 0]), question, question]),
      'no question although counted': header([1, 0, 0, 0]),
      'records that are not there': header([0, 65_535, 65_535, 65_535]),
      'a pointer to itself': Buffer.concat([header([1, 0, 0, 0]), Buffer.from([0xc0, 12, 0, 1, 0, 1])]),
      'a pointer forward': Buffer.concat([header([1, 0, 0, 0]), Buffer.from([0xc0, 14, 0, 0, 1, 0, 1])]),
      'two pointers at each other': Buffer.concat([header([1, 0, 0, 0]), Buffer.from([0xc0, 14, 0xc0, 12])]),
      'a reserved label type': Buffer.concat([header([1, 0, 0, 0]), Buffer.from([0x80, 0, 0, 1, 0, 1])]),
      'a label past the end': Buffer.concat([header([1, 0, 0, 0]), Buffer.from([63, 65])]),
      'data past the end': Buffer.concat([
        header([0, 1, 0, 0]),
        Buffer.from([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 9, 1]),
      ]),
      'an A record of 3 octets': Buffer.concat([
        header([0, 1, 0, 0]),
        Buffer.from([0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 3, 1, 2, 3]),
      ]),
      'an EDNS option past its record': Buffer.concat([
        header([0, 0, 0, 1]),
        Buffer.from([0, 0, 41, 0, 0, 0, 0, 0, 0, 0, 4, 0, 15, 0, 9]),
      ]),
    };
    for (const [name, octets] of Object.entries(cases)) {
      expect([name, malformed(octets)]).toEqual([name, 'MB_DNS_MESSAGE_MALFORMED']);
    }
  });

  it('DNS-04 bounds the work of a message full of pointers', () => {
    // Each record's name points at a chain of pointers through the whole message before it.
    const chain = Buffer.alloc(32_000);
    for (let at = 0; at < chain.length; at += 2) chain.writeUInt16BE(0xc000 | Math.max(12, 12 + at - 2), at);
    const octets = Buffer.concat([header([0, 1000, 0, 0]), Buffer.from([0]), chain]);
    expect(malformed(octets)).toBe('MB_DNS_MESSAGE_MALFORMED');
  });

  it('reads no more of a truncated answer than its question, however it is cut', () => {
    const octets = packet.encode({
      type: 'response',
      flags: packet.TRUNCATED_RESPONSE,
      questions: [{ type: 'TXT', name: 'a.test' }],
      answers: [{ type: 'TXT', name: 'a.test', ttl: 60, data: 'x'.repeat(200) }],
    });
    const question = { name: 'a.test', type: 'TXT' };
    for (let end = 24; end <= octets.length; end++) {
      expect(decodeResponse(octets.subarray(0, end))).toMatchObject({
        truncated: true,
        question,
        answers: [],
      });
    }
  });

  it('reads extended errors and the upper bits of the response code', () => {
    const octets = packet.encode({
      type: 'response',
      flags: 2,
      questions: [{ type: 'A', name: 'a.test' }],
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 1232,
          extendedRcode: 1,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: [{ code: 15, data: Buffer.from([0, 6, 0x21]) } as never],
        },
      ],
    });
    expect(decodeResponse(octets)).toMatchObject({ responseCode: 18, extendedErrors: [6] });
  });

  it('caps a TTL that would be negative as a signed number', () => {
    const octets = packet.encode({
      type: 'response',
      answers: [{ type: 'A', name: 'a.test', ttl: 0xffffffff, data: '192.0.2.1' }],
    });
    expect(decodeResponse(octets).answers[0]?.ttlSeconds).toBe(604_800);
  });

  it.each(['a\u001b[8m', 'a\r\nX-Evil: y', 'a\0b', 'a\u007f', 'a\u009bb', 'a\u2028b', 'a\u202eb'])(
    'DNS-06 writes the octets of a name that are no text as \\DDD: %j',
    (label) => {
      const name = `${label}.test`;
      for (const [type, data, read] of [
        ['MX', { preference: 5, exchange: name }, (value: { exchange: string }) => value.exchange],
        ['CNAME', name, (value: string) => value],
        ['PTR', name, (value: string) => value],
        [
          'SRV',
          { priority: 1, weight: 1, port: 25, target: name },
          (value: { target: string }) => value.target,
        ],
      ] as const) {
        const octets = packet.encode({
          type: 'response',
          id: 1,
          questions: [{ name, type, class: 'IN' }],
          answers: [{ name, type, class: 'IN', ttl: 5, data } as never],
        });
        const response = decodeResponse(octets);
        const [record] = response.answers;
        for (const text of [response.question!.name, record!.name, read(readData(type, record!) as never)]) {
          expect(text).toMatch(/^a[\x20-\x7e]*\\\d{3}[\x20-\x7e]*\.test$/);
        }
      }
    },
  );

  it('DNS-06 asks for a name with a control octet as an alias gave it', () => {
    const octets = encodeQuery({ id: 1, name: 'a\\027b.test', type: 'A' });
    expect(packet.decode(Buffer.from(octets)).questions?.[0]?.name).toBe('a\u001bb.test');
  });
});
