import { parseMessage, readReport } from '@mb/mime';
import { inTurn } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../src/index.ts';
import { startLab } from '../lab.ts';

const message = { from: 'ann@sender.test', to: ['bob@one.test', 'eve@one.test'], text: 'x' };

describe('NOTIFY and ORCPT of single recipients', () => {
  it('DSN-09 reach a host that offers DSN', async () => {
    const store = new MemoryStore();
    await using lab = await startLab({
      hosts: { mx1: { address: '127.0.12.1', keywords: ['PIPELINING', 'DSN'] } },
      records: { one: { MX: '10 mx1.test' } },
      broker: { store },
    });
    await lab.broker.enqueue(message, {
      delivery: {
        notify: ['failure', 'delay'],
        recipients: { 'eve@one.test': { notify: 'never', orcpt: 'rfc822;first@example.org' } },
      },
    });
    lab.broker.start();
    const host = lab.hosts.mx1!;
    await host.until(() => host.messages.length === 1);
    await lab.broker.stop();
    const commands = host.sessions
      .flatMap(({ commands }) => commands)
      .filter((line) => line.startsWith('RCPT'));
    expect(commands).toEqual([
      'RCPT TO:<bob@one.test> NOTIFY=FAILURE,DELAY',
      'RCPT TO:<eve@one.test> NOTIFY=NEVER ORCPT=rfc822;first@example.org',
    ]);
  });

  it('DSN-11 ORCPT is in the report of a failure', async () => {
    const store = new MemoryStore();
    await using lab = await startLab({
      hosts: {
        mx1: { address: '127.0.12.2', script: { rcpt: inTurn('550 5.1.1 No such user', undefined) } },
      },
      records: { one: { MX: '10 mx1.test' }, sender: { MX: '10 mx1.test' } },
      broker: { store },
    });
    await lab.broker.enqueue(
      { ...message, to: 'bob@one.test' },
      { delivery: { recipients: { 'bob@one.test': { orcpt: 'rfc822;first@example.org' } } } },
    );
    lab.broker.start();
    const host = lab.hosts.mx1!;
    await host.until(() => host.messages.length === 1);
    await lab.broker.stop();
    const report = readReport(await parseMessage(host.messages[0]!.content));
    expect(report).toMatchObject({
      kind: 'delivery-status',
      recipients: [
        {
          finalRecipient: { value: 'bob@one.test' },
          originalRecipient: { type: 'rfc822', value: 'first@example.org' },
        },
      ],
    });
  });

  it.each([
    ['a recipient that the message does not have', { 'bpb@one.test': { notify: 'never' as const } }],
    ['an unknown key', { 'bob@one.test': { notfy: 'never' } as object }],
    ['an address without its type', { 'bob@one.test': { orcpt: 'first@example.org' } }],
  ])('DSN-12 refuses %s', async (_, recipients) => {
    const { MailQueue } = await import('../../src/index.ts');
    const queue = new MailQueue({ store: new MemoryStore() });
    await expect(queue.enqueue(message, { delivery: { recipients } })).rejects.toMatchObject({
      code: 'MB_BROKER_OPTION',
    });
  });
});
