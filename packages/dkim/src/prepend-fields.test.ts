import { expect, it } from 'vitest';
import { inChunks, octets, plainMessage, resolveTxt, signWithRsa } from '../test/fixtures.ts';
import { prependFields } from './prepend-fields.ts';
import { signMessage } from './sign.ts';
import { verifyMessage } from './verify.ts';

it('DKIM-28 joins fields and message as octets, whole and as a stream', async () => {
  const fields = await signMessage(plainMessage, signWithRsa);
  const whole = prependFields(fields, plainMessage);
  expect(Buffer.from(whole).equals(Buffer.concat([Buffer.from(fields), plainMessage]))).toBe(true);
  expect(await verifyMessage(whole, { resolveTxt })).toMatchObject({ status: 'pass' });
  expect(await verifyMessage(prependFields(fields, inChunks(plainMessage, 3)), { resolveTxt })).toMatchObject(
    {
      status: 'pass',
    },
  );
  expect(prependFields('', plainMessage)).toEqual(new Uint8Array(plainMessage));
  expect(Buffer.from(prependFields('A: \u00e9\r\n', octets('x'))).toString('utf8')).toBe('A: \u00e9\r\nx');
});

it('DKIM-28 refuses what would break the message', () => {
  for (const fields of ['A: b', 'A: b\n', undefined, 5, new Uint8Array(2)])
    expect(() => prependFields(fields as never, plainMessage)).toThrowError(
      expect.objectContaining({ code: 'MB_DKIM_OPTION' }),
    );
  for (const message of ['text', undefined, [1, 2], {}])
    expect(() => prependFields('A: b\r\n', message as never)).toThrowError(
      expect.objectContaining({ code: 'MB_DKIM_MESSAGE_TYPE' }),
    );
});
