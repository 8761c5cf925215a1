import { peakContender } from '../harness/peak.ts';
import type { Field } from '../harness/row.ts';

/** Peak memory of composing a message whose attachment is a stream of this many octets. */
export function streamField(bytes: number): Field {
  const task = (name: string) => ({
    module: new URL('./stream-tasks.ts', import.meta.url).href,
    task: name,
    argument: bytes,
  });
  const check = (outcome: unknown) => {
    const encoded = Math.ceil(bytes / 3) * 4;
    const written = outcome as number;
    return written >= encoded && written < encoded * 1.04 + 10_000 ? undefined : `${written} octets came out`;
  };
  return {
    contenders: [
      peakContender('@mb/mime', 'ours', task('ours'), check),
      peakContender('nodemailer', 'peer', task('nodemailer'), check, 'nodemailer'),
      peakContender('emailjs', 'peer', task('emailjs'), check, 'emailjs'),
      peakContender('base64 of chunks', 'limit', task('encodeOnly'), (written) =>
        (written as number) > bytes ? undefined : `${written} octets came out`,
      ),
      peakContender('idle process', 'limit', task('idle'), () => undefined),
    ],
  };
}
