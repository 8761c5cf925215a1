import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { BrokerError } from '../../src/errors.ts';
import { MemoryStore, type Selector } from '../../src/index.ts';
import type { RecipientView } from '../../src/store/port.ts';

const recipients = [
  { domain: 'one.test', tenant: 'a', tag: 'news' },
  { domain: 'two.test', tenant: 'a', tag: 'bill' },
  { domain: 'two.test', tenant: undefined, tag: 'news' },
] as const;

async function filledStore(): Promise<MemoryStore> {
  const store = new MemoryStore();
  for (const { domain, tenant, tag } of recipients) {
    await store.accept({
      sender: 'ann@sender.test',
      recipients: [{ address: `bob@${domain}`, domain }],
      content: Buffer.from('x'),
      tag,
      ...(tenant !== undefined && { tenant }),
    });
  }
  return store;
}

/** What a selector says, read by the letter. */
function means(selector: Readonly<Record<string, unknown>>, view: RecipientView): boolean {
  return Object.entries(selector).every(([key, value]) => {
    if (key === 'all') return value === true;
    if (key === 'tenant') return (view.tenant || null) === value;
    return view[key as keyof RecipientView] === value;
  });
}

it(`MUT-01 MUT-04 a selector is refused, or changes what it names and nothing else: ${mutationCount} damaged selectors`, {
  timeout: mutationTimeoutMs,
}, async () => {
  let store = await filledStore();
  await mutateText({
    name: 'checkSelector',
    samples: [
      '{"domain":"two.test"}',
      '{"tenant":"a","state":"queued"}',
      '{"tenant":null}',
      '{"tag":"news","domain":"two.test"}',
      '{"all":true}',
    ],
    words: [
      '"all":true',
      '"all":false',
      'null',
      '""',
      '"site":',
      '"state":"held"',
      ',',
      '{}',
      '"domian":',
      '[]',
    ],
    async check(text) {
      let selector: unknown;
      try {
        selector = JSON.parse(text);
      } catch {
        return 'refused';
      }
      const before = (await store.list({})).rows;
      let changed = 0;
      try {
        changed = await store.hold(selector as Selector);
      } catch (error) {
        expect(error).toSatisfy(BrokerError.isInstance);
        expect(error).toMatchObject({ code: 'MB_BROKER_SELECTOR' });
        expect((await store.list({})).rows).toEqual(before);
        return 'refused';
      }
      const given = selector as Readonly<Record<string, unknown>>;
      expect(Object.keys(given).length, 'an empty selector changed something').toBeGreaterThan(0);
      const held = (await store.list({})).rows.filter(({ state }) => state === 'held');
      const wanted = before.filter((view) => means(given, view));
      expect(held.map(({ recipientId }) => recipientId)).toEqual(
        wanted.map(({ recipientId }) => recipientId),
      );
      expect(changed).toBe(wanted.length);
      if (changed > 0) store = await filledStore();
      return 'accepted';
    },
  });
});
