import { HostExperience, SmtpError } from '@mb/smtp-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Postfix, startPostfix } from '../lab/postfix.ts';
import { dial, uglyMessage } from './traffic.ts';

/** Postfix says 421 to the command after the last error that it allows, and closes without reading the rest. */
const impatient = (errors: number) => `-o smtpd_hard_error_limit=${errors} -o smtpd_error_sleep_time=0`;
const byBdat = '127.0.9.5';
const byData = '127.0.9.6';
/** With Postfix's own limit. */
const usual = '127.0.9.7';
let postfix: Postfix;

beforeAll(async () => {
  postfix = await startPostfix({
    hostname: 'mx.example.test',
    addresses: ['127.0.9.4'],
    mailboxes: ['ada@example.test'],
    services: [
      `${byBdat}:25 inet n - n - - smtpd ${impatient(1)}`,
      `${byData}:25 inet n - n - - smtpd ${impatient(1)} -o smtpd_discard_ehlo_keywords=chunking`,
      `${usual}:25 inet n - n - - smtpd ${impatient(20)}`,
    ],
  });
}, 300_000);

afterAll(() => postfix?.stop());

interface Result {
  readonly unknown: string[];
  readonly failed: string[];
}

/** Sends messages, one of them to an unknown user, and offers again at once what was not read. */
async function sendAll(
  address: string,
  marks: readonly string[],
  isStranger: (at: number) => boolean,
  experience: HostExperience,
): Promise<Result> {
  const result: Result = { unknown: [], failed: [] };
  let left = marks.map((mark, at) => ({
    mark,
    to: isStranger(at) ? 'stranger@example.test' : 'ada@example.test',
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

/** The marks of the messages that were stored, once there are as many as expected. */
async function expectStoredOnce(prefix: string, expected: readonly string[]): Promise<void> {
  const taken = async (): Promise<string[]> => {
    const subjects = (await postfix.messages('ada@example.test')).map(
      (message) => /^Subject: (\S+)/m.exec(message.toString('latin1'))?.[1] ?? '',
    );
    return subjects.filter((mark) => mark.startsWith(prefix)).sort();
  };
  await expect.poll(taken, { timeout: 60_000 }).toEqual([...expected].sort());
}

describe('Postfix that hangs up at a message', () => {
  it.each([
    ['bdat', byBdat],
    ['data', byData],
  ])(
    'SMTP-33 no copy too many and no outcome in doubt, by %s, at any of 16 messages',
    async (way, address) => {
      const expected: string[] = [];
      for (let stranger = 0; stranger < 16; stranger++) {
        const marks = Array.from({ length: 16 }, (_, at) => `${way}-${stranger}-${at}`);
        const result = await sendAll(address, marks, (at) => at === stranger, new HostExperience());
        expect(result, `message ${stranger + 1}`).toEqual({ unknown: [], failed: [marks[stranger]] });
        expected.push(...marks.filter((_, at) => at !== stranger));
      }
      await expectStoredOnce(`${way}-`, expected);
    },
    120_000,
  );

  it('SMTP-33 SMTP-37 nor in the earned state, at the number of errors that Postfix allows by itself', async () => {
    const marks = Array.from({ length: 120 }, (_, at) => `usual-${at}`);
    const isStranger = (at: number): boolean => at % 2 === 1 && at < 80;
    const result = await sendAll(usual, marks, isStranger, new HostExperience({ window: 16 }));
    expect(result.unknown).toEqual([]);
    expect(result.failed.sort()).toEqual(marks.filter((_, at) => isStranger(at)).sort());
    await expectStoredOnce(
      'usual-',
      marks.filter((_, at) => !isStranger(at)),
    );
  }, 120_000);
});
