import { gzipSync } from 'node:zlib';

const lines = (...text: string[]): Buffer => Buffer.from(text.join('\r\n'), 'utf8');

/** Well-formed messages of each shape that the parser knows. */
export const messages: readonly Uint8Array[] = [
  lines(
    'From: "Doe, J." <j@example.com>',
    'To: team: ann@example.com, bob@example.org;, =?utf-8?q?G=C3=BCnter?= <g@example.net>',
    'Subject: =?utf-8?B?w6TDtsO8?= =?iso-8859-1?Q?=E4?=',
    'Date: Fri, 20 Nov 2026 10:00:00 +0000',
    'Message-ID: <1@example.com>',
    'References: <0@example.com> <a.b@example.com>',
    'Received: from a.example.com (a.example.com [192.0.2.1]) by mx.example.org; Fri, 20 Nov 2026 10:00:01 +0000',
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="b1"',
    '',
    'preamble',
    '--b1',
    'Content-Type: multipart/alternative; boundary=b2',
    '',
    '--b2',
    'Content-Type: text/plain; charset=utf-8; format=flowed; delsp=yes',
    'Content-Transfer-Encoding: quoted-printable',
    '',
    'Gr=C3=BC=C3=9Fe =',
    'soft ',
    'flowed',
    '--b2',
    'Content-Type: text/html; charset=iso-8859-1',
    '',
    '<p>Gr&uuml;&szlig;e</p>',
    '--b2--',
    '--b1',
    "Content-Disposition: attachment; filename*0*=utf-8''%C3%A4; filename*1=b.bin",
    'Content-Transfer-Encoding: base64',
    '',
    'AAECAwQFBgcICQ==',
    '--b1',
    'Content-Type: message/rfc822',
    '',
    'From: c@example.com',
    'Subject: inner',
    '',
    'inner text',
    '--b1--',
    'epilogue',
    '',
  ),
  lines('From: a@example.com', 'Subject: plain', '', 'text', '.', ''),
  lines(
    'From: MAILER-DAEMON@example.com',
    'Content-Type: multipart/report; report-type=delivery-status; boundary=r',
    '',
    '--r',
    '',
    'It failed.',
    '--r',
    'Content-Type: message/delivery-status',
    '',
    'Reporting-MTA: dns; mx.example.com',
    '',
    'Final-Recipient: rfc822; ann@example.org',
    'Action: failed',
    'Status: 5.1.1',
    '--r',
    'Content-Type: text/rfc822-headers',
    '',
    'From: x@example.com',
    '--r--',
    '',
  ),
];

export const reports: Readonly<Record<string, Uint8Array>> = {
  'message/delivery-status': lines(
    'Original-Envelope-Id: QQ314159',
    'Reporting-MTA: dns; mx.example.com',
    'Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000',
    '',
    'Original-Recipient: rfc822;ann@example.org',
    'Final-Recipient: rfc822; ann@example.org',
    'Action: failed',
    'Status: 5.1.1',
    'Remote-MTA: dns; mx.example.org',
    'Diagnostic-Code: smtp; 550 5.1.1',
    ' no such user',
    'Last-Attempt-Date: Fri, 20 Nov 2026 11:00:00 +0000',
    '',
    'Final-Recipient: utf-8; b\\x{FC}b@example.org',
    'Action: delayed',
    'Status: 4.4.1',
    'Will-Retry-Until: Sat, 21 Nov 2026 11:00:00 +0000',
    '',
  ),
  'message/feedback-report': lines(
    'Feedback-Type: abuse',
    'User-Agent: Example/1.0',
    'Version: 1',
    'Original-Mail-From: <a@example.com>',
    'Original-Rcpt-To: <b@example.org>',
    'Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0000',
    'Source-IP: 192.0.2.1',
    'Reported-Domain: example.com',
    'Incidents: 3',
    '',
  ),
  'message/disposition-notification': lines(
    'Reporting-UA: client.example.com; Example 1.0',
    'Original-Recipient: rfc822;ann@example.org',
    'Final-Recipient: rfc822;ann@example.org',
    'Original-Message-ID: <1@example.com>',
    'Disposition: manual-action/MDN-sent-manually; displayed/modified',
    '',
  ),
};

const aggregate = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>
<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0"><version>1.0</version>
<report_metadata><org_name>Example &amp; Co</org_name><email>dmarc@example.com</email><report_id>1</report_id>
<date_range><begin>1763596800</begin><end>1763683199</end></date_range></report_metadata>
<policy_published><domain>example.org</domain><adkim>r</adkim><aspf>s</aspf><p>none</p><sp>reject</sp></policy_published>
<record><row><source_ip>192.0.2.1</source_ip><count>2</count>
<policy_evaluated><disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>
<reason><type>forwarded</type><comment><![CDATA[x < y]]></comment></reason></policy_evaluated></row>
<identifiers><header_from>example.org</header_from></identifiers>
<auth_results><dkim><domain>example.org</domain><selector>s</selector><result>pass</result></dkim>
<spf><domain>example.org</domain><scope>mfrom</scope><result>fail</result></spf></auth_results></record></feedback>
`);

const tls = Buffer.from(
  JSON.stringify({
    'organization-name': 'Example',
    'date-range': { 'start-datetime': '2026-11-20T00:00:00Z', 'end-datetime': '2026-11-20T23:59:59Z' },
    'contact-info': 'tls@example.com',
    'report-id': '1@example.com',
    policies: [
      {
        policy: {
          'policy-type': 'sts',
          'policy-string': ['version: STSv1', 'mode: testing'],
          'policy-domain': 'example.org',
          'mx-host': ['*.example.org'],
        },
        summary: { 'total-successful-session-count': 5, 'total-failure-session-count': 2 },
        'failure-details': [
          {
            'result-type': 'certificate-expired',
            'sending-mta-ip': '192.0.2.1',
            'receiving-mx-hostname': 'mx.example.org',
            'failed-session-count': 2,
          },
        ],
      },
    ],
  }),
);

export const aggregateReports: readonly Uint8Array[] = [aggregate, aggregate, gzipSync(aggregate)];
export const tlsReports: readonly Uint8Array[] = [tls, tls, gzipSync(tls)];
