// Compose a message with text, HTML and an attachment; Bcc is in the envelope and nowhere else.
import { composeMessage } from '@mb/mime';

const composed = composeMessage({
  from: 'Zoë Müller <zoe@example.com>',
  to: 'alice@example.org',
  bcc: 'archive@example.com',
  subject: 'Grüße 📈',
  text: 'The figures are attached.',
  html: '<p>The figures are <b>attached</b>.</p>',
  attachments: [{ filename: 'März.csv', content: 'month;sum\n3;42\n' }],
});

console.log(composed.envelope);
console.log(new TextDecoder().decode(await composed.bytes()));
