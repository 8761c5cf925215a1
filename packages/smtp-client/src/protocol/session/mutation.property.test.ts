import { expect, it } from 'vitest';
import { SmtpError } from '../../errors.ts';
import { ReplyParser } from '../reply/reply-parser.ts';
import { HostExperience } from './host-experience.ts';
import { defaultLimits } from './limits.ts';
import { SmtpSession } from './session.ts';

/** Damaged inputs; all of them in CI, a part on a developer's machine. */
const runs = process.env.CI ? 20_000 : 2000;

const script = [
  '220 mx.example.com ESMTP\r\n',
  '250-mx.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-LIMITS MAILMAX=9 RCPTMAX=5\r\n250 SIZE 1000000\r\n',
  '250 2.1.0 ok\r\n250 2.1.5 ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n250 2.0.0 queued\r\n',
  '250 2.1.0 ok\r\n452 4.5.3 too many\r\n250 2.0.0 queued\r\n421 4.7.0 too many messages in this connection\r\n',
].map((text) => Buffer.from(text));

const interesting = Buffer.from('0123459 -\r\n\0\xff=.', 'latin1');

/** A small generator, so that a run depends on its seed alone. */
function seeded(seed: number): (most: number) => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return (most) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * (most + 1));
  };
}

/** One to four changes: an octet replaced, taken out or put in, a stretch repeated, the rest cut off. */
function damage(octets: Buffer, draw: (most: number) => number): Buffer {
  let out = octets;
  for (let changes = draw(3); changes >= 0; changes--) {
    const at = draw(Math.max(out.length - 1, 0));
    const [head, tail] = [out.subarray(0, at), out.subarray(at)];
    const octet = interesting.subarray(draw(interesting.length - 1)).subarray(0, 1);
    switch (draw(4)) {
      case 0:
        out = Buffer.concat([head, octet, tail.subarray(1)]);
        break;
      case 1:
        out = Buffer.concat([head, tail.subarray(1)]);
        break;
      case 2:
        out = Buffer.concat([head, octet, tail]);
        break;
      case 3:
        out = Buffer.concat([head, tail.subarray(0, 1 + draw(20)), tail]);
        break;
      default:
        out = head;
    }
  }
  return out;
}

/** A session that receives `replies`, damaged or not, and then nothing more; returns the number of its outcomes. */
function run(seed: number): void {
  const draw = seeded(seed);
  const experience = new HostExperience({ window: 1 + draw(15) });
  const session = new SmtpSession({ hostname: 'client.example.org', experience }, 0);
  const ids = [1, 2, 3].map(() =>
    session.submit(
      { from: 'a@example.org', to: ['b@example.com', 'c@example.com'] },
      Buffer.from('Subject: x\r\n\r\nx\r\n'),
    ),
  );
  const settled = new Map<number, number>();
  const pump = (): void => {
    while (session.pollTransmit(0)) session.transmitted(0);
    for (let event = session.next(); event; event = session.next()) {
      const id =
        event.type === 'delivery-settled'
          ? event.id
          : event.type === 'delivery-not-attempted'
            ? event.id
            : undefined;
      if (event.type === 'delivery-settled') expect(event.recipients).not.toContain(undefined);
      if (event.type === 'closed') expect(event.error?.code).not.toBe('MB_SMTP_INTERNAL');
      if (id !== undefined) settled.set(id, (settled.get(id) ?? 0) + 1);
    }
  };
  const spoilt = draw(script.length - 1);
  script.forEach((octets, at) => {
    pump();
    session.receive(at === spoilt || draw(5) === 0 ? damage(octets, draw) : octets, 0);
  });
  pump();
  session.receiveEof(0);
  pump();
  expect([...settled].sort()).toEqual(ids.map((id) => [id, 1]));
}

it(`SMTP-36 after ${runs} damaged dialogues every message has exactly one outcome`, {
  timeout: 120_000,
}, () => {
  for (let seed = 1; seed <= runs; seed++) {
    try {
      run(seed);
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});

it(`SMTP-36 ${runs} damaged replies give replies, or the error of the parser`, { timeout: 120_000 }, () => {
  for (let seed = 1; seed <= runs; seed++) {
    const draw = seeded(seed);
    const parser = new ReplyParser(defaultLimits);
    parser.push(damage(Buffer.concat(script), draw));
    try {
      for (let reply = parser.next(); reply; reply = parser.next()) {
        expect(reply.code).toBeGreaterThanOrEqual(200);
        expect(reply.lines.length).toBeGreaterThan(0);
      }
    } catch (error) {
      if (!SmtpError.isInstance(error) || error.code !== 'MB_SMTP_REPLY_SYNTAX')
        throw new Error(`seed ${seed}`, { cause: error });
    }
  }
});
