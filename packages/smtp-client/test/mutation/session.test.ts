import { mutateOctets, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { HostExperience } from '../../src/protocol/session/host-experience.ts';
import { SmtpSession } from '../../src/protocol/session/session.ts';
import { replyWords, script } from './script.ts';

it(`SMTP-36 MUT-01 after ${mutationCount} damaged dialogues every message has exactly one outcome`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateOctets({
    name: 'SmtpSession',
    samples: script,
    words: replyWords,
    check(octets, { integer }) {
      const experience = new HostExperience({ window: integer(1, 16) });
      const session = new SmtpSession({ hostname: 'client.example.org', experience }, 0);
      const ids = [1, 2, 3].map(() =>
        session.submit(
          { from: 'a@example.org', to: ['b@example.com', 'c@example.com'] },
          Buffer.from('Subject: x\r\n\r\nx\r\n'),
        ),
      );
      const settled = new Map<number, number>();
      let clean = true;
      const pump = (): void => {
        while (session.pollTransmit(0)) session.transmitted(0);
        for (let event = session.next(); event; event = session.next()) {
          if (event.type === 'delivery-settled') expect(event.recipients).not.toContain(undefined);
          if (event.type === 'closed') {
            expect(event.error?.code).not.toBe('MB_SMTP_INTERNAL');
            clean &&= event.error?.code !== 'MB_SMTP_REPLY_SYNTAX';
          }
          const id =
            event.type === 'delivery-settled' || event.type === 'delivery-not-attempted'
              ? event.id
              : undefined;
          if (id !== undefined) settled.set(id, (settled.get(id) ?? 0) + 1);
        }
      };
      const spoilt = integer(0, script.length - 1);
      for (const [at, replies] of script.entries()) {
        pump();
        // A copy: the session may keep what it is given.
        session.receive(at === spoilt ? octets.slice() : replies, 0);
      }
      pump();
      session.receiveEof(0);
      pump();
      expect([...settled].sort()).toEqual(ids.map((id) => [id, 1]));
      return clean ? 'accepted' : 'refused';
    },
  });
});
