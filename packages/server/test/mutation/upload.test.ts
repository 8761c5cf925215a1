import { mutateOctets, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { readFormMessage } from '../../src/http/form-message.ts';
import { Problem } from '../../src/http/problem.ts';
import { readSuppressionsCsv } from '../../src/http/suppressions-csv.ts';

const timeout = mutationTimeoutMs;
const octetsOf = (text: string) => new Uint8Array(Buffer.from(text));

/** The error of a client's input, with a code. */
function checkProblem(error: unknown): 'refused' {
  if (!(error instanceof Problem)) throw error;
  expect(error.status).toBeGreaterThanOrEqual(400);
  expect(error.status).toBeLessThan(500);
  expect(error.code).toMatch(/^MB_/);
  return 'refused';
}

it(`MUT-08 readFormMessage reads a form or refuses it: ${mutationCount} damaged forms`, {
  timeout,
}, async () => {
  const type = 'multipart/form-data; boundary=b';
  await mutateOctets({
    name: 'readFormMessage',
    samples: [
      octetsOf(
        '--b\r\nContent-Disposition: form-data; name="message"\r\n\r\n{"from":"a@b.test"}\r\n--b--\r\n',
      ),
      octetsOf(
        '--b\r\nContent-Disposition: form-data; name="message"\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n',
      ),
    ],
    words: ['--b', '--b--', '\r\n', 'filename="', 'name="', ';', '"', 'Content-Disposition: ', '\r\n\r\n'],
    async check(body, { integer }) {
      const header = integer(0, 20) === 0 ? type.slice(0, integer(0, type.length)) : type;
      const request = new Request('http://mail.test/', {
        method: 'POST',
        headers: { 'content-type': header },
        body: body as Uint8Array<ArrayBuffer>,
      });
      try {
        await using form = await readFormMessage(request, 10_000);
        expect(typeof form.json).toBe('string');
        return 'accepted';
      } catch (error) {
        return checkProblem(error);
      }
    },
  });
});

it(`MUT-08 readSuppressionsCsv takes all lines of a file or none: ${mutationCount} damaged files`, {
  timeout,
}, async () => {
  await mutateOctets({
    name: 'readSuppressionsCsv',
    samples: [
      octetsOf('address,reason\r\nbob@one.test,complaint\r\n"eve@two.test",hard-bounce\r\n'),
      octetsOf('Address\nbob@one.test\n\nann@sender.test\n'),
    ],
    words: [',', '"', '""', '\r\n', '\n', '@one.test', 'address', 'reason', ';', '\xff'],
    check(octets) {
      try {
        const entries = readSuppressionsCsv(octets, undefined);
        for (const { address } of entries) expect(address).toContain('@');
        return 'accepted';
      } catch (error) {
        return checkProblem(error);
      }
    },
  });
});

it('SAFE-108 a form with a boundary within the header of a part is refused, and not waited for', async () => {
  const body = octetsOf(
    '--b\r\nContent-Disposition: form-data; name="message"\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n--b--\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--\r\n',
  );
  const headers = { 'content-type': 'multipart/form-data; boundary=b' };
  const request = new Request('http://mail.test/', { method: 'POST', headers, body });
  await expect(readFormMessage(request, 10_000)).rejects.toMatchObject({ status: 400 });
});
