import { describe, expect, it } from 'vitest';
import { checkEnvelope, type Envelope, encodeUtf8Address, encodeXtext } from './envelope.ts';
import { checkHostname, parseMailbox } from './mailbox.ts';

const check = (envelope: Partial<Envelope>) =>
  checkEnvelope({ from: 'a@example.org', to: ['b@example.com'], ...envelope });

describe('parseMailbox', () => {
  const good = [
    'user@example.com',
    'a.b+c=d/e@sub.example.com',
    '..dots.@example.com',
    '"quoted local"@example.com',
    '"a\\"b@c"@example.com',
    'user@[192.0.2.1]',
    'user@[IPv6:2001:db8::1]',
    'postmaster',
    'üser@exämple.com',
    `${'v'.repeat(200)}@example.com`,
  ];
  it.each(good)('takes %s', (address) => {
    expect(parseMailbox(address).address).toBe(address);
  });

  const bad = [
    'a@example.com\r\nRCPT TO:<c@example.net>',
    'a@example.com\n',
    'a\r@example.com',
    'a\0@example.com',
    'a@exam\0ple.com',
    '"a@example.com',
    'a"@example.com',
    '"a"b"@example.com',
    '"a\\"@example.com',
    'a b@example.com',
    'a>@example.com',
    '<a@example.com>',
    'a@example.com> SIZE=1',
    'a@exa mple.com',
    'a@example..com',
    'a@-example.com',
    'a@[192.0.2.1',
    'a@[1]> x[2]',
    'a@',
    '@example.com',
    'no-domain',
    '',
    'a@ex\u2028ample.com',
    'a\ud800@example.com',
    `${'a'.repeat(600)}@example.com`,
    `a@${'a'.repeat(256)}`,
  ];
  it.each(bad)('SMTP-30 refuses %j', (address) => {
    expect(() => parseMailbox(address)).toThrow(
      expect.objectContaining({ code: 'MB_SMTP_ADDRESS', kind: 'invalid-input' }),
    );
  });

  it('SMTP-30 refuses what is not a string', () => {
    expect(() => parseMailbox({} as string)).toThrow(expect.objectContaining({ code: 'MB_SMTP_ADDRESS' }));
  });
});

describe('checkEnvelope', () => {
  it('SMTP-30 refuses line ends and NUL in every parameter and name', () => {
    const dirty = ['x\r\nRSET', 'x\n', 'x\0'];
    for (const text of dirty) {
      expect(() => check({ envid: text })).toThrow(expect.objectContaining({ code: 'MB_SMTP_PARAMETER' }));
      expect(() => check({ from: `${text}@example.org` })).toThrow(
        expect.objectContaining({ code: 'MB_SMTP_ADDRESS' }),
      );
      expect(() => checkHostname(text)).toThrow(expect.objectContaining({ code: 'MB_SMTP_OPTION' }));
      // xtext makes every octet harmless, so ORCPT passes them in their encoded form (RFC 3461 §4).
      expect(check({ to: [{ address: 'b@example.com', orcpt: text }] }).to[0]!.dsn).toMatch(
        /^ ORCPT=rfc822;[!-~]+$/,
      );
    }
  });

  it('SMTP-30 refuses unknown keys, no recipients and wrong kinds', () => {
    const bad: unknown[] = [
      { to: [] },
      { size: -1 },
      { size: 1.5 },
      { body: '9bit' },
      { ret: 'some' },
      { colour: 'red' },
      { to: [{ address: 'b@example.com', notify: [] }] },
      { to: [{ address: 'b@example.com', notify: ['never'] }] },
      { to: [{ address: 'b@example.com', size: 3 }] },
      { to: [null] },
      { envid: '' },
      { envid: 'x'.repeat(101) },
    ];
    for (const envelope of bad) expect(() => check(envelope as Partial<Envelope>)).toThrow(/./);
  });

  it('SMTP-82 encodes NOTIFY, ORCPT, RET and ENVID', () => {
    const checked = check({
      ret: 'headers',
      envid: 'id+1=2 3',
      to: [
        { address: 'b@example.com', notify: ['success', 'failure'], orcpt: 'b+c@example.com' },
        { address: 'c@example.com', notify: 'never' },
        { address: 'd@example.com', orcpt: 'x400;a=b' },
        { address: 'e@example.com', orcpt: 'é+@example.com' },
        { address: 'f@example.com', orcpt: 'rfc822;é@example.com' },
      ],
    });
    expect(checked.dsn).toBe(' RET=HDRS ENVID=id+2B1+3D2+203');
    expect(checked.to.map(({ dsn }) => dsn)).toEqual([
      ' NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b+2Bc@example.com',
      ' NOTIFY=NEVER',
      ' ORCPT=x400;a+3Db',
      ' ORCPT=utf-8;\\x{E9}\\x{2B}@example.com',
      ' ORCPT=utf-8;\\x{E9}@example.com',
    ]);
  });

  it('SMTP-82 writes xtext and utf-8-addr-xtext as RFC 3461 §4 and RFC 6533 §3 say', () => {
    expect(encodeXtext('a+b=c d\u007f')).toBe('a+2Bb+3Dc+20d+7F');
    expect(encodeUtf8Address('\\用户@例え.test')).toBe('\\x{5C}\\x{7528}\\x{6237}@\\x{4F8B}\\x{3048}.test');
  });
});
