import { SmtpError } from '@mb/smtp-client';
import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { EgressWatch } from './egress-watch.ts';

const timeout = connectError('MB_SMTP_CONNECT_TIMEOUT', 'timeout');
const refused = connectError('MB_SMTP_CONNECT_FAILED', 'network');

function connectError(
  code: 'MB_SMTP_CONNECT_TIMEOUT' | 'MB_SMTP_CONNECT_FAILED',
  kind: 'timeout' | 'network',
) {
  return new SmtpError('No answer.', { code, kind, scope: 'host', stage: 'connect', retryable: true });
}

function host(name: string, ...addresses: string[]) {
  return { name, addresses: addresses.map((address) => ({ address })) };
}

const dual = host('mx1.example.com', '192.0.2.1', '2001:db8::1');
const second = host('mx2.example.com', '192.0.2.2');

it('BRK-06 BRK-16 says in one breath that the port is blocked when several hosts of both families are silent', () => {
  const watch = new EgressWatch(new VirtualClock(), 25);
  expect(watch.blocked()).toBeUndefined();
  watch.failed(dual, timeout);
  expect(watch.blocked()).toBeUndefined();
  watch.failed(second, timeout);
  expect(watch.blocked()).toBe(
    'Nothing answers on port 25: 3 addresses of 2 hosts timed out (IPv4 and IPv6). ' +
      'Most likely this network blocks outgoing mail; ask the provider to open the port, or send through a relay.',
  );
});

it('BRK-06 shortens the wait once the first host was silent, so that the outcome takes under a minute', () => {
  const watch = new EgressWatch(new VirtualClock(), 25);
  expect(watch.connectMs()).toBeUndefined();
  watch.failed(dual, timeout);
  const firstTwo = 30_000 + watch.connectMs()!;
  expect(firstTwo).toBeLessThan(60_000);
  watch.failed(second, timeout);
  expect(watch.connectMs()).toBe(10_000);
});

it('BRK-06 never blames the network when anything answered, be it with a refusal', () => {
  const watch = new EgressWatch(new VirtualClock(), 25);
  watch.failed(dual, timeout);
  watch.answered();
  watch.failed(second, timeout);
  expect(watch.blocked()).toBeUndefined();
  watch.failed(dual, refused);
  watch.failed(second, timeout);
  expect(watch.blocked()).toBeUndefined();
});

it('forgets after ten minutes', async () => {
  const clock = new VirtualClock();
  const watch = new EgressWatch(clock, 25);
  watch.failed(dual, timeout);
  watch.failed(second, timeout);
  await clock.advance(10 * 60_000 + 1);
  expect(watch.blocked()).toBeUndefined();
  expect(watch.connectMs()).toBeUndefined();
});
