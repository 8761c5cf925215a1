import assert from 'node:assert/strict';
import { inlineContentBytes } from '../port.ts';
import {
  type ConformanceCase,
  claimedAddresses,
  claimSome,
  draft,
  drain,
  mustClaim,
  octets,
  onlyRecipient,
  readAll,
  rejectsWith,
  settleAll,
  storeCase,
  storeCaseThatNeeds,
} from './harness.ts';

async function* chunksOf(bytes: Uint8Array, length: number) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

export const acceptCases: readonly ConformanceCase[] = [
  storeCase('returns what was accepted, field by field and octet by octet', async (context) => {
    const content = octets(1000);
    const { messageId, duplicate } = await context.store.accept({
      sender: 'sender@example.com',
      recipients: [
        { address: 'a@example.net', domain: 'example.net', options: { notify: ['FAILURE'] } },
        { address: 'b@example.net', domain: 'example.net' },
      ],
      content,
      tenant: 'team-1',
      tag: 'invoice',
      envelope: { ret: 'HDRS', text: 'grüße ✓ "quoted" \\' },
      schedule: { firstMs: 1000 },
      onUnknown: 'hold',
    });
    assert.equal(duplicate, false);
    const claim = await mustClaim(context);
    assert.equal(claim.kind, 'attempt');
    assert.equal(claim.site, 'example.net');
    assert.equal(claim.messages.length, 1);
    const message = claim.messages[0]!;
    assert.equal(message.messageId, messageId);
    assert.equal(message.sender, 'sender@example.com');
    assert.equal(message.tenant, 'team-1');
    assert.equal(message.tag, 'invoice');
    assert.equal(message.onUnknown, 'hold');
    assert.equal(message.size, 1000);
    assert.deepEqual(message.envelope, { ret: 'HDRS', text: 'grüße ✓ "quoted" \\' });
    assert.deepEqual(message.schedule, { firstMs: 1000 });
    assert.deepEqual(Buffer.from(message.content!), Buffer.from(content));
    assert.deepEqual(
      message.recipients.map(({ recipientId, address, attempt, expired, options }) => [
        recipientId,
        address,
        attempt,
        expired,
        options,
      ]),
      [
        [`${messageId}.0`, 'a@example.net', 1, false, { notify: ['FAILURE'] }],
        [`${messageId}.1`, 'b@example.net', 1, false, undefined],
      ],
    );
    assert.equal(message.expiresAt - message.acceptedAt, 5 * 86_400_000);
    assert.deepEqual(Buffer.from(await readAll(context.store.content(messageId))), Buffer.from(content));
  }),

  storeCase('keeps the octets even if the caller changes its buffer afterwards', async (context) => {
    // A Buffer, because its slice() does not copy.
    const content = Buffer.from(octets(100));
    const accepting = context.store.accept(draft('a@example.net', { content }));
    content.fill(0);
    const { messageId } = await accepting;
    content.fill(1);
    assert.deepEqual(Buffer.from(await readAll(context.store.content(messageId))), Buffer.from(octets(100)));
  }),

  storeCase('keeps the order of a message of a thousand recipients at many domains', async (context) => {
    const addresses = Array.from({ length: 1000 }, (_, i) => `user${i}@site${i % 37}.test`);
    const { messageId } = await context.store.accept(draft(addresses));
    const view = await context.store.inspect(messageId);
    assert.deepEqual(
      view?.recipients.map(({ address }) => address),
      addresses,
    );
    assert.deepEqual((await drain(context)).sort(), [...addresses].sort());
  }),

  storeCase('takes an empty message and the null reverse-path', async (context) => {
    const { messageId } = await context.store.accept(
      draft('a@example.net', { sender: '', content: new Uint8Array() }),
    );
    const claim = await mustClaim(context);
    assert.equal(claim.messages[0]?.sender, '');
    assert.equal(claim.messages[0]?.content?.length, 0);
    assert.equal((await readAll(context.store.content(messageId))).length, 0);
  }),

  storeCase('streams large content in and out, and does not put it into the claim', async (context) => {
    const content = octets(inlineContentBytes * 9 + 7);
    const staged = await context.store.stage(chunksOf(content, 10_007));
    assert.equal(staged.size, content.length);
    const { messageId } = await context.store.accept(
      draft(['a@example.net', 'b@example.org'], { content: staged }),
    );
    const claim = await mustClaim(context);
    assert.equal(claim.messages[0]?.content, undefined);
    assert.equal(claim.messages[0]?.size, content.length);
    assert.ok(Buffer.from(await readAll(context.store.content(messageId))).equals(content));
  }),

  storeCase('accepts staged content once, and refuses content that was not staged', async (context) => {
    const staged = await context.store.stage(chunksOf(octets(10), 3));
    await context.store.accept(draft('a@example.net', { content: staged }));
    await rejectsWith(
      context.store.accept(draft('b@example.net', { content: staged })),
      'MB_BROKER_STAGED_UNKNOWN',
    );
    await rejectsWith(
      context.store.accept(draft('b@example.net', { content: { stagedId: '99999999', size: 1 } })),
      'MB_BROKER_STAGED_UNKNOWN',
    );
    assert.deepEqual(await drain(context), ['a@example.net']);
  }),

  storeCase(
    'refuses content above maxMessageBytes, staged or not',
    async (context) => {
      await rejectsWith(
        context.store.accept(draft('a@example.net', { content: octets(1001) })),
        'MB_BROKER_MESSAGE_TOO_LARGE',
      );
      await rejectsWith(context.store.stage(chunksOf(octets(2000), 300)), 'MB_BROKER_MESSAGE_TOO_LARGE');
      assert.equal(await claimSome(context), null);
    },
    { maxMessageBytes: 1000 },
  ),

  storeCase('refuses a message without recipients and names with line ends', async (context) => {
    await rejectsWith(context.store.accept(draft([])), 'MB_BROKER_OPTION');
    await rejectsWith(context.store.accept(draft('a\r\nRCPT TO:<b>@example.net')), 'MB_BROKER_OPTION');
    await rejectsWith(
      context.store.accept(draft('a@example.net', { notBefore: Number.NaN })),
      'MB_BROKER_OPTION',
    );
    assert.equal(await claimSome(context), null);
  }),

  storeCase(
    'returns the same message for the same idempotency key, even while it is in flight and after',
    async (context) => {
      const message = draft('a@example.net', { idempotency: { key: 'order-1', digest: 'd1' } });
      const [first, second] = await Promise.all([
        context.store.accept(message),
        context.store.accept(message),
      ]);
      assert.equal(first.messageId, second.messageId);
      assert.deepEqual([first.duplicate, second.duplicate].sort(), [false, true]);
      const claim = await mustClaim(context);
      assert.equal((await context.store.accept(message)).duplicate, true);
      await settleAll(context, claim, { status: 'delivered' });
      assert.equal((await context.store.accept(message)).messageId, first.messageId);
      assert.equal(await claimSome(context), null);
    },
  ),

  storeCase('refuses other content under a known idempotency key, per tenant', async (context) => {
    await context.store.accept(draft('a@example.net', { idempotency: { key: 'k', digest: 'd1' } }));
    await rejectsWith(
      context.store.accept(draft('a@example.net', { idempotency: { key: 'k', digest: 'd2' } })),
      'MB_BROKER_IDEMPOTENCY_CONFLICT',
    );
    const other = draft('a@example.net', { tenant: 't', idempotency: { key: 'k', digest: 'd2' } });
    assert.equal((await context.store.accept(other)).duplicate, false);
    assert.equal((await drain(context)).length, 2);
  }),

  storeCase('attempts nothing before notBefore', async (context) => {
    const { messageId } = await context.store.accept(draft('a@example.net'));
    const { dueAt } = await onlyRecipient(context, messageId);
    await drain(context);
    await context.store.accept(draft('b@example.net', { notBefore: dueAt! + 10_000 }));
    assert.equal(await claimSome(context), null);
    assert.equal(await context.store.nextDueMs(), 10_000);
    await context.advance(9_999);
    assert.equal(await claimSome(context), null);
    await context.advance(1);
    assert.deepEqual(claimedAddresses(await claimSome(context)), ['b@example.net']);
  }),

  storeCase('puts recipients of an aliased domain under the alias, until it expires', async (context) => {
    await context.store.alias('example.net', 'mx.example.org', 1000);
    await context.store.accept(draft('a@example.net'));
    assert.equal((await mustClaim(context)).site, 'mx.example.org');
    await context.advance(1000);
    await context.store.accept(draft('b@example.net'));
    assert.equal((await mustClaim(context)).site, 'example.net');
  }),

  storeCaseThatNeeds('reopen', 'keeps everything when it is closed and opened again', async (context) => {
    const { messageId } = await context.store.accept(draft(['a@example.net', 'b@example.org']));
    const claim = await mustClaim(context, 1);
    await settleAll(context, claim, { status: 'delivered', detail: { host: 'mx.example.net' } });
    const store = await context.reopen();
    const view = await store.inspect(messageId);
    assert.deepEqual(view?.recipients.map(({ state }) => state).sort(), ['delivered', 'queued']);
    const delivered = view?.recipients.find(({ state }) => state === 'delivered');
    assert.deepEqual(delivered?.detail, { host: 'mx.example.net' });
    assert.equal(claimedAddresses(await store.claim({ worker: 'w', max: 9, leaseMs: 1000 })).length, 1);
    assert.equal((await readAll(store.content(messageId))).length, 300);
  }),
];
