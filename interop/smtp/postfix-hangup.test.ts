import { HostExperience, SmtpError } from '@mb/smtp-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { dial, uglyMessage } from './traffic.ts';

/** Postfix says 421 to the command behind the first error, and closes with what stands behind it unread. */
const impatient = '-o smtpd_hard_error_limit=1 -o smtpd_error_sleep_time=0';
const byBdat = '127.0.9.5';
const byData = '127.0.9.6';
let postfix: Postfix;

beforeAll(async () => {
  postfix = await startPostfix({
    hostname: 'mx.example.test',
    addresses: ['127.0.9.4'],
    mailboxes: ['ada@example.test'],
    services: [
      `${byBdat}:25 inet n - n - - smtpd ${impatient}`,
      `${byData}:25 inet n - n - - smtpd ${impatient} -o smtpd_discard_ehlo_keywords=chunking`,
    ],
  });
}, 300_000);

afterAll(() => postfix?.stop());

interface Result {
  readonly unknown: string[];
  readonly failed: string[];
}

/** Sends messages, one of them to nobody, and offers again at once what was not read. */
async function sendAll(
  address: string,
  marks: readonly string[],
  nobody: number,
  experience: HostExperience,
): Promise<Result> {
  const result: Result = { unknown: [], failed: [] };
  let left = marks.map((mark, at) => ({
    mark,
    to: at === nobody ? 'nobody@example.test' : 'ada@example.test',
  }));
  for (let round = 0; left.length > 0; round++) {
    if (round > 3) throw new Error(`still not taken: ${left.map(({ mark }) => mark).join(', ')}`);
    const connection = await dial(address, { experience });
    const again = await Promise.all(
      left.map(async ({ mark, to }) => {
        try {
          const message = { from: 'a@example.org', to: [to] };
          const { recipients } = await connection.deliver(message, uglyMessage(mark));
          const { status } = recipients[0]!;
          if (status === 'unknown') result.unknown.push(mark);
          if (status === 'failed') result.failed.push(mark);
          return status === 'unknown' || status === 'deferred';
        } catch (error) {
          if (!SmtpError.isInstance(error) || error.code !== 'MB_SMTP_CONNECTION_STALE') throw error;
          return true;
        }
      }),
    );
    await connection.close();
    left = left.filter((_, at) => again[at]);
  }
  return result;
}

describe('Postfix that hangs up at a message', () => {
  for (const [way, address] of [
    ['bdat', byBdat],
    ['data', byData],
  ] as const) {
    for (const window of [1, 16]) {
      it(`SMTP-33 no copy too many and nobody in doubt, by ${way}, with a window of ${window}`, async () => {
        const count = 16;
        const expected: string[] = [];
        for (let nobody = 0; nobody < count; nobody++) {
          const marks = Array.from({ length: count }, (_, at) => `${way}-${window}-${nobody}-${at}`);
          const result = await sendAll(address, marks, nobody, new HostExperience({ window }));
          expect(result, `message ${nobody + 1}`).toEqual({ unknown: [], failed: [marks[nobody]] });
          expected.push(...marks.filter((_, at) => at !== nobody));
        }
        const taken = async (): Promise<string[]> => {
          const subjects = (await postfix.messages('ada@example.test')).map(
            (message) => /^Subject: (\S+)/m.exec(message.toString('latin1'))?.[1] ?? '',
          );
          return subjects.filter((mark) => mark.startsWith(`${way}-${window}-`)).sort();
        };
        await expect.poll(taken, { timeout: 60_000 }).toEqual(expected.sort());
      }, 120_000);
    }
  }
});
