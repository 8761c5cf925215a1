import { mutateText, mutationCount, mutationTimeoutMs } from '@mb/testkit/mutation';
import { expect, it } from 'vitest';
import { formatParameter, MimeError, parseParameters } from '../../src/index.ts';

it(`MUT-01 MUT-02 parseParameters never throws, and reads again what is formatted: ${mutationCount} fields`, {
  timeout: mutationTimeoutMs,
}, async () => {
  await mutateText({
    name: 'parseParameters',
    samples: [
      'text/plain; charset="utf-8"; format=flowed (comment); name="a \\"b\\".txt"',
      "attachment; filename*0*=utf-8''%C3%A4%20; filename*1=b; filename*2*=%E2%82%AC; size=12",
      "attachment; filename==?utf-8?Q?=C3=A4?=; filename*=iso-8859-1'de'%E4",
      'multipart/mixed; boundary="----=_Part_1"; type=text/html; start="<a@b>"',
    ],
    words: [
      ';',
      '=',
      '*',
      '*0',
      '*0*=',
      "''",
      '%',
      '%C3',
      '"',
      '\\',
      '(',
      ')',
      'filename',
      '__proto__',
      'charset',
    ],
    check(text) {
      const { value, parameters } = parseParameters(text);
      let accepted = value !== '';
      for (const [name, parameter] of parameters) {
        let written: string;
        try {
          written = formatParameter(name, parameter).join('; ');
        } catch (error) {
          if (!MimeError.isInstance(error)) throw error;
          accepted = false;
          continue;
        }
        // A byte order mark at the start of a value is no part of the text.
        const plain = parameter.toWellFormed().replace(/^\ufeff/, '');
        expect(
          parseParameters(`x; ${written}`)
            .parameters.get(name)
            ?.replace(/^\ufeff/, ''),
        ).toBe(plain);
      }
      return accepted ? 'accepted' : 'refused';
    },
  });
});
