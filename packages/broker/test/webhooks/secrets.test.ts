import { createMemoryResolver } from '@mb/dns/memory';
import { startWebhookReceiver, type WebhookCall } from '@mb/testkit';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import {
  createMasterKeyWrapping,
  generateMasterKey,
  type KeyWrapping,
  parseMasterKeys,
} from '../../src/encryption/index.ts';
import { MailQueue, MemoryStore } from '../../src/index.ts';

const wrappingOf = (...keys: string[]) => createMasterKeyWrapping(parseMasterKeys(keys.join('\n')));

async function openStore(): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.open();
  onTestFinished(() => store.close());
  return store;
}

/** A queue of one process on a store. */
function queueOn(store: MemoryStore, wrapping?: KeyWrapping, clock: Clock = systemClock) {
  const errors: unknown[] = [];
  const queue = new MailQueue({
    store,
    dns: createMemoryResolver({}),
    webhooks: { allowAddresses: ['127.0.0.0/8'], leaseMs: 500, ...(wrapping && { wrapping }) },
    queue: { onError: (error) => errors.push(error) },
    runtime: { clock },
  });
  onTestFinished(() => queue.close());
  return { queue, webhooks: queue.webhooks, errors };
}

async function receiver() {
  const made = await startWebhookReceiver();
  onTestFinished(() => made.close());
  return made;
}

const storedText = async (store: MemoryStore) =>
  JSON.stringify((await store.records.list('webhook')).rows.map(({ value }) => value));

function verifies(secret: string, { body, headers }: WebhookCall): boolean {
  try {
    new Webhook(secret).verify(body, headers as Record<string, string>);
    return true;
  } catch {
    return false;
  }
}

describe('the secrets of webhooks', () => {
  it('WHK-60 are stored encrypted where a master key is given', async () => {
    const store = await openStore();
    const { webhooks } = queueOn(store, wrappingOf(generateMasterKey()));
    const { url } = await receiver();
    const { endpoint, secret } = await webhooks.add({ url });
    const rotated = await webhooks.rotateSecret(endpoint.id);
    const text = await storedText(store);
    expect(text.match(/aes-256-gcm/g)).toHaveLength(2);
    for (const one of [secret, rotated.secret]) {
      expect(text).not.toContain(one);
      expect(text).not.toContain(one.slice('whsec_'.length));
    }
    expect(await webhooks.secretStorage()).toEqual({ plain: 0, encrypted: 2, encrypts: true });
  });

  it('WHK-61 are in no answer after the one that makes them, encrypted or not', async () => {
    const store = await openStore();
    const { webhooks } = queueOn(store, wrappingOf(generateMasterKey()));
    const target = await receiver();
    const { endpoint, secret } = await webhooks.add({ url: target.url });
    const rotated = await webhooks.rotateSecret(endpoint.id);
    const changed = await webhooks.change(endpoint.id, { description: 'the shop' });
    const shown = JSON.stringify([
      endpoint,
      rotated.endpoint,
      changed,
      await webhooks.list(),
      await webhooks.get(endpoint.id),
      await webhooks.status(endpoint.id),
      await webhooks.test(endpoint.id),
      await webhooks.attempts(endpoint.id),
    ]);
    for (const text of ['whsec_', secret.slice(6), rotated.secret.slice(6), 'wrapped', 'aes-256-gcm']) {
      expect(shown).not.toContain(text);
    }
    expect(changed.secrets).toEqual([
      { createdAt: expect.any(Number) },
      { createdAt: expect.any(Number), expiresAt: expect.any(Number) },
    ]);
  });

  it('WHK-62 that are encrypted sign what is delivered, the old and the new one of a rotation', async () => {
    const store = await openStore();
    const { queue, webhooks, errors } = queueOn(store, wrappingOf(generateMasterKey()));
    const target = await receiver();
    const { endpoint, secret } = await webhooks.add({ url: target.url });
    webhooks.start();
    await queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
    await target.until((calls) => calls.length === 1);
    expect(verifies(secret, target.calls[0]!)).toBe(true);
    const next = await webhooks.rotateSecret(endpoint.id, { overlapMs: 60_000 });
    // The delivery sees the change soon.
    await expect
      .poll(async () => {
        await queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'y' });
        return target.calls.some((call) => verifies(next.secret, call) && verifies(secret, call));
      })
      .toBe(true);
    expect(errors).toEqual([]);
  });

  it('WHK-63 are encrypted again by renewSecrets() after the master key was rotated', async () => {
    const store = await openStore();
    const [old, fresh] = [generateMasterKey(), generateMasterKey()];
    const { url } = await receiver();
    const { endpoint, secret } = await queueOn(store, wrappingOf(old)).webhooks.add({ url });
    const rotating = queueOn(store, wrappingOf(fresh, old)).webhooks;
    expect(await rotating.renewSecrets()).toBe(1);
    expect(await rotating.renewSecrets()).toBe(0);
    const alone = queueOn(store, wrappingOf(fresh)).webhooks;
    expect(await alone.test(endpoint.id)).toMatchObject({ succeeded: true });
    // The secret itself is the same one: its receiver needs no change.
    const again = await alone.rotateSecret(endpoint.id, { secret });
    expect(again.endpoint.secrets).toHaveLength(1);
    const behind = queueOn(store, wrappingOf(old)).webhooks;
    await expect(behind.test(endpoint.id)).rejects.toMatchObject({
      code: 'MB_BROKER_MASTER_KEY',
      message: expect.stringContaining('not given'),
    });
  });

  it('WHK-64 in plain text stay valid, and renewSecrets() encrypts them', async () => {
    const store = await openStore();
    const plain = queueOn(store).webhooks;
    const target = await receiver();
    const { endpoint, secret } = await plain.add({ url: target.url });
    expect(await storedText(store)).toContain(secret);
    const { webhooks } = queueOn(store, wrappingOf(generateMasterKey()));
    expect(await webhooks.secretStorage()).toEqual({ plain: 1, encrypted: 0, encrypts: true });
    await webhooks.test(endpoint.id);
    expect(await webhooks.renewSecrets()).toBe(1);
    expect(await storedText(store)).not.toContain(secret);
    await webhooks.test(endpoint.id);
    expect(target.calls.map((call) => verifies(secret, call))).toEqual([true, true]);
    await expect(plain.renewSecrets()).rejects.toMatchObject({ code: 'MB_BROKER_MASTER_KEY' });
  });

  it('WHK-65 that this process cannot open are left to one that can, and reported once', async () => {
    const store = await openStore();
    const wrapping = wrappingOf(generateMasterKey());
    const target = await receiver();
    const able = queueOn(store, wrapping);
    const { endpoint, secret } = await able.webhooks.add({ url: target.url });
    const unable = queueOn(store);
    unable.webhooks.start();
    await unable.queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
    await expect.poll(() => unable.errors.length).toBeGreaterThan(0);
    // It looks ten times a second.
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(unable.errors).toEqual([
      expect.objectContaining({
        code: 'MB_BROKER_MASTER_KEY',
        message: expect.stringContaining('--master-key'),
      }),
    ]);
    expect(await unable.webhooks.status(endpoint.id)).toMatchObject({ delivering: false, failed: 0 });
    able.webhooks.start();
    await target.until((calls) => calls.length === 1);
    expect(verifies(secret, target.calls[0]!)).toBe(true);
  });

  it('WHK-66 whose key is lost are replaced by a rotation without overlap', async () => {
    const store = await openStore();
    const target = await receiver();
    const { endpoint } = await queueOn(store, wrappingOf(generateMasterKey())).webhooks.add({
      url: target.url,
    });
    const { webhooks } = queueOn(store, wrappingOf(generateMasterKey()));
    await expect(webhooks.test(endpoint.id)).rejects.toMatchObject({ code: 'MB_BROKER_MASTER_KEY' });
    const { secret } = await webhooks.rotateSecret(endpoint.id, { overlapMs: 0 });
    await webhooks.test(endpoint.id);
    expect(target.calls.map((call) => verifies(secret, call))).toEqual([true]);
  });

  it('WHK-67 that were moved to another webhook do not open', async () => {
    const store = await openStore();
    const { webhooks } = queueOn(store, wrappingOf(generateMasterKey()));
    const { url } = await receiver();
    const [one, two] = [await webhooks.add({ url }), await webhooks.add({ url })];
    const moved = await store.records.get('webhook', one.endpoint.id);
    await store.records.put('webhook', two.endpoint.id, moved!.value);
    await expect(webhooks.test(two.endpoint.id)).rejects.toMatchObject({ code: 'MB_BROKER_MASTER_KEY' });
  });

  it('WHK-68 an endpoint that is disabled while its secrets are opened gets nothing', async () => {
    const store = await openStore();
    const wrapping = wrappingOf(generateMasterKey());
    const opening = Promise.withResolvers<void>();
    const mayOpen = Promise.withResolvers<void>();
    const slow: KeyWrapping = {
      ...wrapping,
      async unwrap(wrapped, context) {
        opening.resolve();
        await mayOpen.promise;
        return wrapping.unwrap(wrapped, context);
      },
    };
    const target = await receiver();
    const { endpoint } = await queueOn(store, wrapping).webhooks.add({ url: target.url });
    const { queue, webhooks } = queueOn(store, slow);
    webhooks.start();
    await opening.promise;
    await queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
    await webhooks.change(endpoint.id, { enabled: false });
    // The change is seen before the secret is there.
    await new Promise((resolve) => setTimeout(resolve, 300));
    mayOpen.resolve();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(target.calls).toEqual([]);
    expect(await webhooks.status(endpoint.id)).toMatchObject({ delivering: false });
  });

  it('WHK-109 WHK-110 that are never opened hold up no other webhook, and no stop()', async () => {
    const store = await openStore();
    const [plain, encrypted] = [await receiver(), await receiver()];
    await queueOn(store, wrappingOf(generateMasterKey())).webhooks.add({ url: encrypted.url });
    await queueOn(store).webhooks.add({ url: plain.url });
    let asked = 0;
    const silent: KeyWrapping = {
      wrap: () => ({}),
      unwrap: () => {
        asked++;
        return new Promise<never>(() => {});
      },
    };
    const clock: Clock = {
      now: () => Date.now(),
      setTimer: (callback, delayMs) => systemClock.setTimer(callback, delayMs === 10_000 ? 100 : delayMs),
    };
    const hurried = queueOn(store, silent, clock);
    hurried.webhooks.start();
    await hurried.queue.enqueue({ from: 'ann@sender.test', to: 'bob@one.test', text: 'x' });
    await plain.until((calls) => calls.length === 1);
    expect(hurried.errors).toEqual([
      expect.objectContaining({ code: 'MB_BROKER_KEY_SERVICE', retryable: true }),
    ]);
    await hurried.webhooks.stop();
    // On the time of the machine the call is still under way.
    const waiting = queueOn(store, silent);
    waiting.webhooks.start();
    await expect.poll(() => asked).toBeGreaterThan(1);
    await waiting.webhooks.stop();
    expect(waiting.errors).toEqual([]);
    expect(encrypted.calls).toEqual([]);
  });
});
