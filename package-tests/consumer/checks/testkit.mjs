import { once } from 'node:events';
import { connect } from 'node:net';
import assert from './assert.mjs';

/** Starts the scripted host with a certificate made on the spot, and speaks to it by hand. */
export async function check(modules) {
  const { createSelfSignedCertificate, startSmtpHost } = modules['@mb/testkit'];
  const certificate = await createSelfSignedCertificate({ names: ['mx.example.com'] });
  const host = await startSmtpHost({ hostname: 'mx.example.com', tls: certificate });
  const socket = connect(host.port, host.address);
  try {
    const [greeting] = await once(socket, 'data');
    assert(String(greeting).startsWith('220 mx.example.com'), String(greeting));
    socket.write('EHLO client.example.com\r\n');
    const [reply] = await once(socket, 'data');
    assert(String(reply).includes('STARTTLS'), String(reply));
  } finally {
    socket.destroy();
    await host.close();
  }
}
