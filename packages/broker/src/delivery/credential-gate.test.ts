import { type ConnectOptions, type SmtpConnection, SmtpError } from '@mb/smtp-client';
import { VirtualClock } from '@mb/testkit';
import { expect, it } from 'vitest';
import { CredentialGate } from './credential-gate.ts';

const options = (password: string, signal?: AbortSignal): ConnectOptions => ({
  host: 'relay.example.net',
  hostname: 'mail.example.com',
  auth: { user: 'ann', password },
  ...(signal && { signal }),
});
const connection = {} as SmtpConnection;

const failure = (code: 'MB_SMTP_AUTH_REFUSED' | 'MB_SMTP_CONNECT_FAILED') =>
  new SmtpError('No.', { code, kind: 'network', scope: 'host', stage: 'auth', retryable: true });

/** Dials that end when the test says so. */
function dials() {
  const open: { resolve: (made: SmtpConnection) => void; reject: (error: SmtpError) => void }[] = [];
  const dial = () =>
    new Promise<SmtpConnection>((resolve, reject) => {
      open.push({ resolve, reject });
    });
  return { open, dial };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('CRED-03 gives waiting connections the refusal of the first, and lets one try again later', async () => {
  const clock = new VirtualClock();
  const gate = new CredentialGate(clock);
  const { open, dial } = dials();
  const all = Array.from({ length: 5 }, () => gate.pass(options('wrong'), dial).catch((error) => error));
  await turn();
  expect(open.length).toBe(1);
  open[0]!.reject(failure('MB_SMTP_AUTH_REFUSED'));
  for (const error of await Promise.all(all)) expect(error).toMatchObject({ code: 'MB_SMTP_AUTH_REFUSED' });
  await expect(gate.pass(options('wrong'), dial)).rejects.toMatchObject({ code: 'MB_SMTP_AUTH_REFUSED' });
  expect(open.length).toBe(1);
  // Other credentials have a trial of their own, and the same ones after a second.
  void gate.pass(options('other'), dial);
  expect(open.length).toBe(2);
  await clock.advance(1_001);
  const again = gate.pass(options('wrong'), dial);
  expect(open.length).toBe(3);
  open[2]!.resolve(connection);
  expect(await again).toBe(connection);
});

it('CRED-02 CRED-05 holds no connection back once credentials were accepted, nor for a host that is down', async () => {
  const gate = new CredentialGate(new VirtualClock());
  const { open, dial } = dials();
  const down = Array.from({ length: 4 }, () => gate.pass(options('right'), dial).catch((error) => error));
  await turn();
  open[0]!.reject(failure('MB_SMTP_CONNECT_FAILED'));
  await turn();
  expect(open.length).toBe(4);
  for (const { resolve } of open) resolve(connection);
  await Promise.all(down);
  for (let i = 0; i < 3; i++) void gate.pass(options('right'), dial);
  expect(open.length).toBe(7);
});

it('CRED-06 ends the wait of a caller who aborts', async () => {
  const gate = new CredentialGate(new VirtualClock());
  const { open, dial } = dials();
  void gate.pass(options('right'), dial);
  const abort = new AbortController();
  void gate.pass(options('right', abort.signal), dial);
  await turn();
  expect(open.length).toBe(1);
  abort.abort();
  await turn();
  // Dialling with an aborted signal says that it was aborted.
  expect(open.length).toBe(2);
});
