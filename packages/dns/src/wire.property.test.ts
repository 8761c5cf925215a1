import packet from 'dns-packet';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DnsError } from './errors.ts';
import type { RecordType } from './record.ts';
import { decodeResponse, readData } from './wire.ts';

const known: readonly string[] = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'PTR', 'SOA', 'SRV', 'TLSA', 'TXT'];

function decodeAll(octets: Uint8Array): unknown[] {
  return decodeResponse(octets).answers.map((record) => ({
    ...record,
    data: known.includes(record.type) ? readData(record.type as RecordType, record) : undefined,
  }));
}

const label = fc.stringMatching(/^[a-z0-9_-]{1,20}$/);
const name = fc.array(label, { minLength: 1, maxLength: 6 }).map((labels) => labels.join('.'));
const octets = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));
const record = fc.oneof(
  fc.record({ type: fc.constant('A'), data: fc.ipV4() }),
  fc.record({ type: fc.constantFrom('CNAME', 'PTR', 'NS'), data: name }),
  fc.record({ type: fc.constant('MX'), data: fc.record({ preference: fc.nat(65_535), exchange: name }) }),
  fc.record({ type: fc.constant('TXT'), data: fc.array(octets(255), { minLength: 1, maxLength: 4 }) }),
  fc.record({
    type: fc.constant('TLSA'),
    data: fc.record({
      usage: fc.nat(255),
      selector: fc.nat(255),
      matchingType: fc.nat(255),
      certificate: octets(64),
    }),
  }),
);

describe('decodeResponse', () => {
  it('DNS-04 throws nothing but its own error on any octets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (array, asResponse) => {
        if (asResponse && array.length > 5) array.set([0x81, 0x80, 0, 0], 2);
        try {
          decodeAll(array);
        } catch (error) {
          expect(DnsError.isInstance(error) && error.code).toBe('MB_DNS_MESSAGE_MALFORMED');
        }
      }),
      { numRuns: 3000 },
    );
  });

  it('DNS-04 throws nothing but its own error on answers with flipped octets', () => {
    const answers = fc.array(fc.tuple(name, record), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(answers, fc.array(fc.tuple(fc.nat(2000), fc.nat(255)), { maxLength: 4 }), (list, flips) => {
        const message = packet.encode({
          type: 'response',
          answers: list.map(([owner, item]) => ({ name: owner, ttl: 60, ...item })) as never,
        });
        for (const [at, octet] of flips) message[at % message.length] = octet;
        try {
          decodeAll(message);
        } catch (error) {
          expect(DnsError.isInstance(error) && error.code).toBe('MB_DNS_MESSAGE_MALFORMED');
        }
      }),
      { numRuns: 1500 },
    );
  });

  it('reads what dns-packet encodes', () => {
    fc.assert(
      fc.property(name, record, fc.nat(604_800), (owner, item, ttl) => {
        const message = packet.encode({
          type: 'response',
          answers: [{ name: owner, ttl, ...item }] as never,
        });
        const expected = item.data as { certificate?: Buffer } & Record<string, unknown>;
        const [answer] = decodeAll(message) as {
          name: string;
          type: string;
          ttlSeconds: number;
          data: unknown;
        }[];
        expect(answer).toMatchObject({ name: owner, type: item.type, ttlSeconds: ttl });
        if (item.type === 'TXT') {
          expect(answer?.data).toEqual((item.data as Buffer[]).map((segment) => segment.toString('latin1')));
        } else if (item.type === 'TLSA') {
          const { certificate, ...numbers } = expected;
          expect(answer?.data).toEqual({ ...numbers, data: new Uint8Array(certificate!) });
        } else expect(answer?.data).toEqual(item.data);
      }),
    );
  });
});
