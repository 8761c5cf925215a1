import { gzipSync } from 'node:zlib';
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { codeOf } from '../test/compose-text.ts';
import { findAggregateReport, parseAggregateReport } from './aggregate-report.ts';
import { composeMessage, parseMessage } from './index.ts';

/** With the elements of the schema of RFC 7489 Appendix C. */
const rfc7489 = `<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <version>1.0</version>
  <report_metadata>
    <org_name>Example Receiver</org_name>
    <email>noreply-dmarc@example.net</email>
    <extra_contact_info>https://example.net/dmarc</extra_contact_info>
    <report_id>9391651994964116463</report_id>
    <date_range><begin>1335571200</begin><end>1335657599</end></date_range>
    <error>a &amp; b</error>
  </report_metadata>
  <policy_published>
    <domain>example.com</domain><adkim>r</adkim><aspf>s</aspf><p>none</p><sp>reject</sp><pct>50</pct><fo>1</fo>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip><count>2</count>
      <policy_evaluated>
        <disposition>none</disposition><dkim>fail</dkim><spf>pass</spf>
        <reason><type>mailing_list</type><comment>known list</comment></reason>
        <reason><type>other</type></reason>
      </policy_evaluated>
    </row>
    <identifiers><envelope_to>example.org</envelope_to><header_from>example.com</header_from></identifiers>
    <auth_results>
      <dkim><domain>example.com</domain><selector>s1</selector><result>fail</result><human_result>body hash</human_result></dkim>
      <dkim><domain>list.example.org</domain><result>pass</result></dkim>
      <spf><domain>example.com</domain><scope>mfrom</scope><result>pass</result></spf>
    </auth_results>
  </record>
</feedback>`;

/** With the namespace and the elements that RFC 9990 adds. */
const rfc9990 = `<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
  <report_metadata>
    <org_name>Example Receiver</org_name><email>r@example.net</email><report_id>3v98abbp8ya9n3va8yr8oa3ya</report_id>
    <date_range><begin>302832000</begin><end>302918399</end></date_range><generator>Example Reporter v1</generator>
  </report_metadata>
  <policy_published>
    <domain>example.com</domain><p>quarantine</p><sp>none</sp><np>reject</np><testing>y</testing>
    <discovery_method>treewalk</discovery_method>
  </policy_published>
  <record>
    <row><source_ip>2001:DB8::1</source_ip><count>123</count>
      <policy_evaluated><disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf>
        <reason><type>policy_test_mode</type></reason></policy_evaluated></row>
    <identifiers><envelope_from>example.com</envelope_from><header_from>example.com</header_from></identifiers>
    <auth_results><dkim><domain>example.com</domain><selector>abc123</selector><result>pass</result></dkim></auth_results>
    <extensions><ext:x xmlns:ext="urn:x"/></extensions>
  </record>
</feedback>`;

describe('DMARC aggregate reports', () => {
  it('PARSE-50 reads a report of RFC 7489', () => {
    expect(parseAggregateReport(Buffer.from(rfc7489))).toEqual({
      kind: 'dmarc-aggregate',
      version: '1.0',
      organization: 'Example Receiver',
      email: 'noreply-dmarc@example.net',
      extraContactInfo: 'https://example.net/dmarc',
      reportId: '9391651994964116463',
      begin: new Date('2012-04-28T00:00:00Z'),
      end: new Date('2012-04-28T23:59:59Z'),
      errors: ['a & b'],
      policy: {
        domain: 'example.com',
        policy: 'none',
        subdomainPolicy: 'reject',
        dkimAlignment: 'r',
        spfAlignment: 's',
        percentage: 50,
        failureOptions: '1',
      },
      records: [
        {
          sourceIp: '192.0.2.1',
          count: 2,
          disposition: 'none',
          dkim: 'fail',
          spf: 'pass',
          overrides: [{ type: 'mailing_list', comment: 'known list' }, { type: 'other' }],
          headerFrom: 'example.com',
          envelopeTo: 'example.org',
          dkimResults: [
            { domain: 'example.com', selector: 's1', result: 'fail', humanResult: 'body hash' },
            { domain: 'list.example.org', result: 'pass' },
          ],
          spfResults: [{ domain: 'example.com', scope: 'mfrom', result: 'pass' }],
        },
      ],
    });
  });

  it('PARSE-50 reads a report of RFC 9990', () => {
    const report = parseAggregateReport(Buffer.from(rfc9990));
    expect(report).toMatchObject({
      generator: 'Example Reporter v1',
      policy: { nonexistentPolicy: 'reject', testing: true, discoveryMethod: 'treewalk' },
      records: [
        {
          sourceIp: '2001:db8::1',
          count: 123,
          disposition: 'pass',
          overrides: [{ type: 'policy_test_mode' }],
        },
      ],
    });
    expect(report.version).toBeUndefined();
  });

  it('PARSE-51 reads what reporters leave out or write otherwise', () => {
    const record = `<RECORD><ROW><SOURCE_IP>192.0.2.9</SOURCE_IP><COUNT>x</COUNT></ROW>
      <POLICY_EVALUATED><DISPOSITION>NONE</DISPOSITION></POLICY_EVALUATED>
      <IDENTITIES><HEADER_FROM>Example.COM</HEADER_FROM></IDENTITIES>
      <AUTH_RESULTS><SPF><DOMAIN>a.example</DOMAIN><RESULT>HardFail</RESULT></SPF></AUTH_RESULTS>
      <AUTH_RESULTS><SPF><DOMAIN>b.example</DOMAIN></SPF><DKIM><DOMAIN/></DKIM></AUTH_RESULTS></RECORD>`;
    const report = parseAggregateReport(
      Buffer.from(
        `\ufeff<ns:Feedback xmlns:ns="urn:x"><report_metadata><date_range><begin>1335571200000</begin>` +
          `<end>Sat, 28 Apr 2012 23:59:59 +0000</end></date_range></report_metadata>${record}</ns:Feedback>`,
      ),
    );
    expect(report).toEqual({
      kind: 'dmarc-aggregate',
      organization: '',
      reportId: '',
      begin: new Date('2012-04-28T00:00:00Z'),
      end: new Date('2012-04-28T23:59:59Z'),
      errors: [],
      policy: { domain: '' },
      records: [
        {
          sourceIp: '192.0.2.9',
          count: 1,
          disposition: 'none',
          overrides: [],
          headerFrom: 'example.com',
          dkimResults: [{ domain: '', result: 'none' }],
          spfResults: [
            { domain: 'a.example', result: 'fail' },
            { domain: 'b.example', result: 'none' },
          ],
        },
      ],
    });
    const utf16 = Buffer.from(`\ufeff${rfc7489}`, 'utf16le');
    expect(parseAggregateReport(utf16)).toEqual(parseAggregateReport(Buffer.from(rfc7489)));
    const latin = `<?xml version="1.0" encoding="ISO-8859-1"?><feedback><report_metadata><org_name>Müller</org_name></report_metadata></feedback>`;
    expect(parseAggregateReport(Buffer.from(latin, 'latin1')).organization).toBe('Müller');
  });

  it('PARSE-64 expands no entity of a document type', () => {
    const bomb = `<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>
      <feedback><report_metadata><org_name>&b;&f;</org_name></report_metadata></feedback>`;
    expect(parseAggregateReport(Buffer.from(bomb)).organization).toBe('&b;&f;');
  });

  it('PARSE-52 reads reports in gzip and zip, inside each other, too', () => {
    const xml = Buffer.from(rfc7489);
    const packed = [
      gzipSync(xml),
      gzipSync(gzipSync(xml)),
      zipSync({ 'readme.txt': Buffer.from('no report'), 'a.xml': xml }),
      zipSync({ 'a.xml.gz': gzipSync(xml) }),
      gzipSync(zipSync({ 'a.xml': xml })),
      Buffer.concat([gzipSync(xml.subarray(0, 100)), gzipSync(xml.subarray(100))]), // RFC 1952 §2.2: two members
    ];
    for (const one of packed) expect(parseAggregateReport(one)).toEqual(parseAggregateReport(xml));
    // By Python's zipfile onto a pipe: sizes follow the content, and a file of macOS comes first.
    const streamed =
      'UEsDBBQACAAIAIAMfl0AAAAAAAAAAAAAAAAMAAAAX19NQUNPU1gvLl94Y2AEAFBLBwhpIt42BAAAAAIAAABQSwMEFAAIAAgAgAx+XQAAAAAAAAAAAAAAAB8AAABleGFtcGxlLm5ldCFleGFtcGxlLmNvbSExITIueG1sZY5BDsIwDATvfQXqAxp6N+6Jd0RuYiAijqM0ReX3IAHpgdvuajRamDaJhweXJWg69eNw7Cfs4MLsZ3J3hMJZS7XClTxVQtBytYmE8byR5Mhg2vKDg8cRzF5a3i1ZY3BPm9c5huXGb8arUEjIH+vgVMB8NzD/uGkXuxdQSwcIK6Nan3oAAADEAAAAUEsBAhQDFAAIAAgAgAx+XWki3jYEAAAAAgAAAAwAAAAAAAAAAAAAAIABAAAAAF9fTUFDT1NYLy5feFBLAQIUAxQACAAIAIAMfl0ro1qfegAAAMQAAAAfAAAAAAAAAAAAAACAAT4AAABleGFtcGxlLm5ldCFleGFtcGxlLmNvbSExITIueG1sUEsFBgAAAAACAAIAhwAAAAUBAAAAAA==';
    expect(parseAggregateReport(Buffer.from(streamed, 'base64')).organization).toBe('Example');
  });

  it('PARSE-53 refuses a report that inflates beyond the limit, before it is in memory', async () => {
    const zeros = Buffer.alloc(100 * 1024 * 1024, ' ');
    const bombs = [
      gzipSync(zeros, { level: 1 }),
      gzipSync(gzipSync(zeros, { level: 1 })),
      zipSync({ 'a.xml': zeros }, { level: 1 }),
      zipSync({ 'a.txt': zeros.subarray(0, 40 << 20), 'b.txt': zeros.subarray(0, 40 << 20) }, { level: 1 }),
    ];
    for (const bomb of bombs) {
      const before = process.memoryUsage().arrayBuffers;
      expect(await codeOf(() => parseAggregateReport(bomb))).toBe('MB_MIME_REPORT_SIZE');
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(96 << 20);
    }
    const limits = { maxBytes: 100 };
    expect(await codeOf(() => parseAggregateReport(Buffer.from(rfc7489), { limits }))).toBe(
      'MB_MIME_REPORT_SIZE',
    );
    expect(await codeOf(() => parseAggregateReport(gzipSync(rfc7489), { limits }))).toBe(
      'MB_MIME_REPORT_SIZE',
    );
    expect(await codeOf(() => parseAggregateReport(gzipSync(rfc7489), { limits: { maxBytes: 0 } }))).toBe(
      'MB_MIME_OPTION',
    );
  });

  it('PARSE-72 answers whatever is no report with a typed error', async () => {
    const gzip = gzipSync(rfc7489);
    const inputs = [
      '',
      'text',
      '{}',
      '<html></html>',
      '<feedback',
      `${'<a>'.repeat(100)}`,
      gzip.subarray(0, 100),
      Buffer.concat([gzip.subarray(0, 50), Buffer.alloc(50, 7), gzip.subarray(100)]),
      gzipSync('nothing'),
      zipSync({}),
      zipSync(Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`${i}.txt`, Buffer.from('x')]))),
      Buffer.from('PK\x03\x04garbage'),
      Buffer.from([0x1f, 0x8b]),
    ];
    for (const input of inputs)
      expect(await codeOf(() => parseAggregateReport(Buffer.from(input))), String(input).slice(0, 20)).toBe(
        'MB_MIME_REPORT_SYNTAX',
      );
  });

  it('PARSE-62 refuses compressed reports whose checksum is another', async () => {
    const report = Buffer.from(rfc7489);
    const gzip = gzipSync(rfc7489);
    const twice = Buffer.concat([gzipSync(rfc7489.slice(0, 99)), gzipSync(rfc7489.slice(99))]);
    const stored = zipSync({ 'a.txt': Buffer.from('no'), 'r.xml': report }, { level: 0 });
    for (const whole of [gzip, twice, stored, zipSync({ 'r.xml': report })])
      expect(parseAggregateReport(whole).reportId).toBe('9391651994964116463');
    const at = stored.lastIndexOf('2'.charCodeAt(0), Buffer.from(stored).indexOf('</count>'));
    const changed = stored.slice();
    changed[at] = '9'.charCodeAt(0);
    const firstSum = gzipSync(rfc7489.slice(0, 99)).length - 8;
    for (const [name, damaged] of [
      ['checksum', flip(gzip, gzip.length - 8)],
      ['length', flip(gzip, gzip.length - 4)],
      ['checksum of the first member', flip(twice, firstSum)],
      ['octet of a stored file', changed],
    ] as const)
      expect(await codeOf(() => parseAggregateReport(damaged)), name).toBe('MB_MIME_REPORT_SYNTAX');
  });

  it('PARSE-61 PARSE-66 reads a count with signs between its digits, and refuses one that is no number', async () => {
    const counted = (count: string) =>
      parseAggregateReport(Buffer.from(rfc7489.replace('<count>2</count>', `<count>${count}</count>`)));
    for (const [count, expected] of [
      ['1,000', 1000],
      ['1.000', 1000],
      ['12,345,678', 12_345_678],
      ['1 000', 1000],
      [' 7 ', 7],
      ['0', 0],
      ['', 1],
      ['many', 1],
    ] as const)
      expect(counted(count).records[0]?.count, count).toBe(expected);
    for (const count of ['1,00', '2.5', '-1', '1e3', '0x10', '9'.repeat(30)])
      expect(await codeOf(() => counted(count)), count).toBe('MB_MIME_REPORT_SYNTAX');
  });

  it('PARSE-57 refuses a report that is cut anywhere', async () => {
    for (let end = 0; end < rfc7489.length; end += 7)
      expect(await codeOf(() => parseAggregateReport(Buffer.from(rfc7489.slice(0, end))))).toBe(
        'MB_MIME_REPORT_SYNTAX',
      );
  });

  it('PARSE-54 finds the report of a message whatever its content type says', async () => {
    const find = async (contentType: string, filename: string, content: Uint8Array) =>
      findAggregateReport(
        await parseMessage(
          await composeMessage({
            from: 'dmarc@example.net',
            text: 'This is a report.',
            attachments: [
              { filename: 'logo.png', content: Buffer.from('x') },
              { filename, content, contentType },
            ],
          }).bytes(),
        ),
      )?.reportId;
    const id = '9391651994964116463';
    expect(await find('application/gzip', 'r.xml.gz', gzipSync(rfc7489))).toBe(id);
    expect(
      await find('application/octet-stream', 'example.net!example.com!1!2.xml.gz', gzipSync(rfc7489)),
    ).toBe(id);
    expect(await find('application/zip', 'r.zip', gzipSync(rfc7489))).toBe(id);
    expect(await find('application/x-gzip', 'r.zip', zipSync({ 'r.xml': Buffer.from(rfc7489) }))).toBe(id);
    expect(await find('text/xml', 'r', Buffer.from(rfc7489))).toBe(id);
    expect(await find('application/x-unknown', 'R.XML', Buffer.from(rfc7489))).toBe(id);
    expect(await find('application/zip', 'r.zip', zipSync({ 'a.txt': Buffer.from('no') }))).toBeUndefined();
  });

  it('PARSE-50 reads 20,000 records', () => {
    const record = /<record>.*<\/record>/s.exec(rfc7489)![0];
    const many = gzipSync(rfc7489.replace(record, record.repeat(20_000)));
    expect(parseAggregateReport(many).records).toHaveLength(20_000);
  });
});

/** The octets with one changed. */
function flip(octets: Uint8Array, at: number): Uint8Array {
  const changed = Uint8Array.from(octets);
  changed[at]! ^= 1;
  return changed;
}
