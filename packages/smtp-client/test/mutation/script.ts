/** What a host says in a session of three messages. */
export const script: readonly Buffer[] = [
  '220 mx.example.com ESMTP\r\n',
  '250-mx.example.com\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-CHUNKING\r\n250-LIMITS MAILMAX=9 RCPTMAX=5\r\n250 SIZE 1000000\r\n',
  '250 2.1.0 ok\r\n250 2.1.5 ok\r\n550-5.1.1 no\r\n550 5.1.1 such user\r\n250 2.0.0 queued\r\n',
  '250 2.1.0 ok\r\n452 4.5.3 too many\r\n250 2.0.0 queued\r\n421 4.7.0 too many messages in this connection\r\n',
].map((text) => Buffer.from(text));

export const replyWords = [
  '\r\n',
  '\n',
  '\r',
  '250 ',
  '250-',
  '550 ',
  '421 ',
  '354 ',
  '-',
  '4.7.0',
  '5.',
  '\0',
  '\xff',
];
