import { peakContender } from '../harness/peak.ts';
import type { Field } from '../harness/row.ts';

/** Peak memory of signing a message of this many octets that comes as a stream. */
export function streamField(bytes: number): Field {
  const module = new URL('./stream-tasks.ts', import.meta.url).href;
  const task = (name: string) => ({ module, task: name, argument: bytes });
  // The signatures' truth is the business of the sign rows; here it counts that one was made.
  const check = (outcome: unknown) =>
    /^DKIM-Signature:[\s\S]*\bb=[A-Za-z0-9+/=\s]{300,}/.test(outcome as string)
      ? undefined
      : 'no signature came out';
  return {
    contenders: [
      peakContender('@mb/dkim', 'ours', task('ours'), check),
      peakContender('mailauth', 'peer', task('mailauth'), check, 'mailauth'),
      peakContender('nodemailer', 'peer', task('nodemailer'), check, 'nodemailer'),
      peakContender('read + SHA-256', 'limit', task('readAndHash'), (digest) =>
        (digest as string).length === 44 ? undefined : 'no digest',
      ),
    ],
  };
}
