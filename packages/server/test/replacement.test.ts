import { connect as connectTls } from 'node:tls';
import { MailBroker } from '@mb/broker';
import { createSelfSignedCertificate } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { startService } from './service.ts';

/** The host name of the certificate that a TLS server on loopback shows. */
function shownName(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subjectaltname ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

async function certificate(name: string) {
  const { key, cert } = await createSelfSignedCertificate({ names: [name] });
  return { key, cert };
}

describe('settings that change while the server runs', () => {
  it('SRV-62 a broker that takes the place of another one is used from the next request on', async () => {
    await using service = await startService({ host: 16 });
    const call = await service.withKey();
    const explain = async () =>
      (await call('POST', '/v1/explain', { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' })).body;
    expect(JSON.stringify(await explain())).not.toContain('relay.test');
    await using next = new MailBroker({
      hostname: 'client.test',
      store: service.store,
      delivery: { routes: { '*': { type: 'smarthost', host: 'relay.test', port: 25 } } },
    });
    service.server.replaceBroker(next);
    expect(JSON.stringify(await explain())).toContain('relay.test');
    expect(
      (await call('POST', '/v1/messages', { from: 'a@b.test', to: 'bob@one.test', text: 'x' })).status,
    ).toBe(202);
    expect(() => service.server.replaceBroker({} as never)).toThrow('replaceBroker');
  });

  it('SRV-62 submission shows the new certificate to connections from then on', async () => {
    await using service = await startService({ host: 16 });
    const [first, second] = await Promise.all([
      certificate('one.server.test'),
      certificate('two.server.test'),
    ]);
    const address = await service.server.listenSubmission({
      security: 'tls',
      hostname: 'server.test',
      port: 0,
      tls: first,
    });
    const { port } = address as { port: number };
    expect(await shownName(port)).toContain('one.server.test');
    service.server.replaceCertificate(second);
    expect(await shownName(port)).toContain('two.server.test');
    expect(() => service.server.replaceCertificate({ key: first.key, cert: second.cert })).toThrow(
      'replaceCertificate',
    );
    expect(await shownName(port)).toContain('two.server.test');
  });

  it('SRV-63 SRV-100 SRV-99 a server that drains is not ready, serves on, and asks clients to connect elsewhere', async () => {
    await using service = await startService({ host: 16 });
    const call = await service.withKey();
    const closing = service.server.close({ drainMs: 1500, graceMs: 5000 });
    const ready = await fetch(`${service.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ ready: false, reasons: ['The server is stopping.'] });
    const accepted = await call('POST', '/v1/messages', { from: 'a@b.test', to: 'bob@one.test', text: 'x' });
    expect(accepted.status).toBe(202);
    expect(accepted.headers.get('connection')).toBe('close');
    await closing;
    await expect(fetch(`${service.url}/livez`)).rejects.toThrow();
  });
});
