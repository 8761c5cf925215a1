import { describe, expect, it } from 'vitest';
import { parseCapabilities } from './capabilities.ts';

const parse = (...lines: string[]) => parseCapabilities({ code: 250, lines });

describe('parseCapabilities', () => {
  it('SMTP-02 reads keywords from the second line on, by their first word', () => {
    const offered = parse('mx-dsn.example STARTTLS PIPELINING', 'PIPELINING', 'SIZE 1000', 'XDSN');
    expect(offered.domain).toBe('mx-dsn.example');
    expect([offered.startTls, offered.pipelining, offered.maxSize]).toEqual([false, true, 1000]);
    // A keyword within a longer word is another keyword.
    expect(offered.dsn).toBe(false);
  });

  it('SMTP-80 reads keywords in upper and lower case', () => {
    const offered = parse('mx.example', 'Pipelining', 'size 1000', '8bitmime');
    expect([offered.pipelining, offered.maxSize, offered.eightBitMime]).toEqual([true, 1000, true]);
  });

  it('SMTP-55 takes no extension from the line with the name of the server', () => {
    const named = parse('starttls.example STARTTLS PIPELINING DSN SIZE 5 8BITMIME CHUNKING', 'HELP');
    expect([named.startTls, named.pipelining, named.dsn, named.eightBitMime, named.size]).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it('SMTP-56 reads AUTH= as AUTH and joins both', () => {
    expect(parse('mx', 'AUTH PLAIN login', 'AUTH=LOGIN CRAM-MD5').auth).toEqual([
      'PLAIN',
      'LOGIN',
      'CRAM-MD5',
    ]);
    expect(parse('mx', 'auth=plain').auth).toEqual(['PLAIN']);
  });

  it('takes SIZE without a number, of 0 and of nonsense as no limit', () => {
    for (const line of ['SIZE', 'SIZE 0', 'SIZE big', 'SIZE -1', 'SIZE 99999999999999999999999']) {
      const offered = parse('mx', line);
      expect([offered.size, offered.maxSize]).toEqual([true, undefined]);
    }
  });

  it('reads LIMITS (RFC 9422) and ignores what it does not know', () => {
    expect(parse('mx', 'LIMITS RCPTMAX=5 mailmax=20 RCPTDOMAINMAX=1 OTHER=3 BAD RCPTMAX=x').limits).toEqual({
      rcptMax: 5,
      mailMax: 20,
      rcptDomainMax: 1,
    });
  });

  it('enables nothing for a server that only knows HELO', () => {
    const offered = parseCapabilities({ code: 250, lines: ['mx', 'PIPELINING'] }, false);
    expect([offered.esmtp, offered.pipelining]).toEqual([false, false]);
  });
});
