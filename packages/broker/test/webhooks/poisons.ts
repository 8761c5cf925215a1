import type { WebhookReceiver } from '@mb/testkit';

/** More than any endpoint needs to say. */
export const tenMegabytes = Buffer.alloc(10_000_000);

/** What a hostile or broken endpoint does. */
export const poisons: readonly (readonly [string, WebhookReceiver['answer']])[] = [
  ['answers 500', () => 500],
  ['does not answer', () => undefined],
  ['answers with 10 MB', (_, response) => void response.writeHead(500).end(tenMegabytes)],
  [
    'answers forever',
    (_, response) => {
      response.writeHead(500);
      const more = setInterval(() => response.write('more '), 5);
      response.on('close', () => clearInterval(more));
      return undefined;
    },
  ],
  [
    'redirects to loopback',
    (_, response) => void response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
  ],
  ['hangs up', (_, response) => void response.destroy()],
  [
    'changes the protocol',
    (_, response) =>
      void response.socket!.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      ),
  ],
  ['talks no HTTP', (_, response) => void response.socket!.end('220 mail.test ESMTP\r\n')],
];
