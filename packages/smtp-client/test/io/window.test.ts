import { createServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { connect, HostExperience, SmtpError } from '../../src/index.ts';

/** Where a host ends the session with its message number `at`, and how. */
interface Ending {
  readonly at: number;
  readonly stage: 'mail' | 'rcpt' | 'content';
  /** After a 421, or without any reply. */
  readonly says421: boolean;
}

/**
 * A host that answers as Postfix does: replies wait until all that has been read is worked through, and what it has not
 * read when it closes resets the connection. It ends its first session by `ending` and behaves from then on.
 */
class BufferingHost {
  /** Copies taken of each message, by its sender. */
  readonly copies = new Map<string, number>();
  readonly #keywords: string;
  readonly #server = createServer((socket) => this.#serve(socket));
  #ending: Ending | undefined;

  constructor(keywords: readonly string[], ending: Ending) {
    this.#keywords = keywords.map((word) => `250-${word}\r\n`).join('');
    this.#ending = ending;
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as { port: number }).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    const ending = this.#ending;
    this.#ending = undefined;
    socket.on('error', () => {});
    socket.write('220 mx.example.test\r\n');
    let input = '';
    let output = '';
    let sender = '';
    let messages = 0;
    let chunk: number | undefined;
    let data = false;
    const take = (): void => {
      this.copies.set(sender, (this.copies.get(sender) ?? 0) + 1);
      output += '250 2.0.0 queued\r\n';
    };
    const ends = (stage: Ending['stage']): boolean => {
      if (ending?.at !== messages || ending.stage !== stage) return false;
      if (ending.says421) output += '421 4.7.0 too many errors\r\n';
      socket.pause();
      socket.write(output, () => socket.resetAndDestroy());
      return true;
    };
    /** Works on one thing; false when more octets are needed, or none any more. */
    const step = (): boolean => {
      if (chunk !== undefined) {
        if (input.length < chunk) return false;
        input = input.slice(chunk);
        chunk = undefined;
        take();
        return true;
      }
      if (data) {
        const end = input.indexOf('\r\n.\r\n');
        if (end < 0) return false;
        input = input.slice(end + 5);
        data = false;
        take();
        return true;
      }
      const end = input.indexOf('\r\n');
      if (end < 0) return false;
      const line = input.slice(0, end);
      input = input.slice(end + 2);
      const verb = line.slice(0, 4);
      if (verb === 'EHLO') output += `250-mx.example.test\r\n${this.#keywords}250 HELP\r\n`;
      else if (verb === 'MAIL') {
        messages += 1;
        sender = /<(.*)>/.exec(line)![1]!;
        if (ends('mail')) return false;
        output += '250 ok\r\n';
      } else if (verb === 'RCPT') {
        if (ends('rcpt')) return false;
        output += '250 ok\r\n';
      } else if (verb === 'DATA') {
        if (ends('content')) return false;
        output += '354 go\r\n';
        data = true;
      } else if (verb === 'BDAT') {
        if (ends('content')) return false;
        chunk = Number(/\d+/.exec(line));
      } else output += '250 ok\r\n';
      return true;
    };
    socket.on('data', (octets) => {
      input += octets.toString('latin1');
      while (step());
      if (output !== '' && !socket.isPaused()) socket.write(output);
      output = '';
    });
  }
}

interface Sent {
  readonly unknown: string[];
  readonly attempts: Map<string, number>;
}

/** Sends messages as a caller does who begins again at once with what was not read, and later with what was deferred. */
async function sendAll(port: number, count: number, experience: HostExperience): Promise<Sent> {
  const sent: Sent = { unknown: [], attempts: new Map() };
  let left = Array.from({ length: count }, (_, at) => `m${at + 1}@example.org`);
  for (let round = 0; left.length > 0; round++) {
    if (round > 3) throw new Error(`still not delivered: ${left.join(', ')}`);
    const connection = await connect({
      host: 'mx.example.test',
      addresses: ['127.0.0.1'],
      port,
      hostname: 'client.example.org',
      experience,
    });
    const results = await Promise.all(
      left.map(async (from) => {
        const content = Buffer.from(`Subject: ${from}\r\n\r\n${'x'.repeat(2000)}\r\n`);
        try {
          const outcome = await connection.deliver({ from, to: ['b@example.test'] }, content);
          sent.attempts.set(from, (sent.attempts.get(from) ?? 0) + 1);
          const { status } = outcome.recipients[0]!;
          if (status === 'unknown') sent.unknown.push(from);
          return status !== 'delivered';
        } catch (error) {
          if (!SmtpError.isInstance(error) || error.code !== 'MB_SMTP_CONNECTION_STALE') throw error;
          return true;
        }
      }),
    );
    await connection.close();
    left = left.filter((_, at) => results[at]);
  }
  return sent;
}

describe('a host that hangs up in the middle', () => {
  for (const keywords of [
    ['PIPELINING', '8BITMIME'],
    ['PIPELINING', '8BITMIME', 'CHUNKING'],
  ]) {
    for (const says421 of [true, false]) {
      it(`SMTP-33 SMTP-40 no duplicate and no unknown outcome, wherever it ends (${keywords.join(' ')}, ${says421 ? 'with' : 'without'} 421)`, async () => {
        for (let at = 1; at <= 16; at++) {
          for (const stage of ['mail', 'rcpt', 'content'] as const) {
            await using host = new BufferingHost(keywords, { at, stage, says421 });
            const where = `${stage} of message ${at}`;
            const experience = new HostExperience();
            const { unknown, attempts } = await sendAll(await host.listen(), 16, experience);
            // BDAT and its content are one write: without a reply the outcome is unknown.
            const truly =
              stage === 'content' && keywords.length === 3 && !says421 ? [`m${at}@example.org`] : [];
            expect(unknown, where).toEqual(truly);
            expect([...host.copies.values()], where).toEqual(new Array(16).fill(1));
            // Only the message that the host spoke of, or fell silent about, has had more than one attempt.
            const again = [...attempts].filter(([, count]) => count > 1).map(([from]) => from);
            expect(again, where).toEqual(stage === 'mail' && at > 1 ? [] : [`m${at}@example.org`]);
          }
        }
      });
    }
  }

  it('SMTP-40 a 421 leaves no outcome unknown in the earned state either', async () => {
    for (const keywords of [['PIPELINING'], ['PIPELINING', 'CHUNKING']]) {
      for (let at = 1; at <= 16; at++) {
        await using host = new BufferingHost(keywords, { at, stage: 'rcpt', says421: true });
        const experience = new HostExperience({ window: 16 });
        const { unknown } = await sendAll(await host.listen(), 16, experience);
        expect(unknown, `${keywords} ${at}`).toEqual([]);
        expect([...host.copies.values()]).toEqual(new Array(16).fill(1));
      }
    }
  });
});
