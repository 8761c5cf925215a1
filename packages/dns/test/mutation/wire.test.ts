import { mutateOctets, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import packet from 'dns-packet';
import { expect, it } from 'vitest';
import { DnsError } from '../../src/errors.ts';
import type { RecordType, TlsaRecord } from '../../src/record.ts';
import { isUsableTlsa } from '../../src/tlsa/lookup.ts';
import { decodeResponse, readData } from '../../src/wire.ts';

const types: readonly string[] = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TLSA', 'TXT'];

const answers = [
  { type: 'A', name: 'a.example.com', data: '192.0.2.1' },
  { type: 'AAAA', name: 'a.example.com', data: '2001:db8::1' },
  { type: 'CNAME', name: 'b.example.com', data: 'a.example.com' },
  { type: 'MX', name: 'example.com', data: { preference: 10, exchange: 'mx.example.com' } },
  { type: 'TXT', name: 'example.com', data: [Buffer.from('v=spf1 -all'), Buffer.from('x')] },
  {
    type: 'SRV',
    name: '_submission._tcp.example.com',
    data: { priority: 0, weight: 1, port: 587, target: 'a.example.com' },
  },
  {
    type: 'TLSA',
    name: '_25._tcp.mx.example.com',
    data: { usage: 3, selector: 1, matchingType: 1, certificate: Buffer.alloc(32, 7) },
  },
  {
    type: 'SOA',
    name: 'example.com',
    data: {
      mname: 'ns.example.com',
      rname: 'admin.example.com',
      serial: 1,
      refresh: 2,
      retry: 3,
      expire: 4,
      minimum: 5,
    },
  },
] as const;

const samples = answers.flatMap((answer) => {
  const ttl = 300;
  const questions = [{ type: answer.type, name: answer.name, class: 'IN' }];
  const authorities = [{ type: 'NS', name: 'example.com', data: 'ns.example.com', ttl }];
  const additionals = [{ type: 'OPT', name: '.', udpPayloadSize: 1232, flags: 0, options: [] }];
  const message = { type: 'response', id: 1, flags: packet.AUTHENTIC_DATA, questions };
  return [
    packet.encode({ ...message, answers: [{ ...answer, ttl }], authorities, additionals } as never),
    packet.encode({
      ...message,
      answers: [
        { ...answer, ttl },
        { ...answers[0], ttl },
      ],
    } as never),
  ];
});

it(`MUT-01 decodeResponse gives an answer or MB_DNS_MESSAGE_MALFORMED: ${mutationCount} answers`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateOctets({
    name: 'decodeResponse',
    samples,
    words: ['\xc0\x0c', '\xc0\xff', '\0\0', '\0\x01', '\x07example', '\xff\xff', '\x3f', '\0\0\x29'],
    check(octets) {
      try {
        const { answers: records, responseCode } = decodeResponse(octets);
        expect(responseCode >= 0 && responseCode < 4096).toBe(true);
        for (const record of records) {
          expect(record.name).toMatch(/^[ -~]*$/);
          if (!types.includes(record.type)) continue;
          const data = readData(record.type as RecordType, record);
          if (record.type === 'TLSA' && isUsableTlsa(data as TlsaRecord))
            expect((data as TlsaRecord).data.length).toBeGreaterThan(0);
        }
        return 'accepted';
      } catch (error) {
        if (!DnsError.isInstance(error)) throw error;
        expect(error.code).toBe('MB_DNS_MESSAGE_MALFORMED');
        return 'refused';
      }
    },
  });
});
