// A program in TypeScript that sends, compiled as an ES module and as CommonJS.
import { MailBroker, type RecipientOutcome } from '@mb/broker';
import { generateKeyPair } from '@mb/dkim';
import { createMailbox } from '@mb/testkit';

async function send(): Promise<RecipientOutcome | undefined> {
  const mailbox = await createMailbox();
  try {
    const { privateKey } = await generateKeyPair({ domain: 'example.com', selector: 's1' });
    const broker = new MailBroker({
      hostname: 'mail.example.com',
      dkim: { domain: 'example.com', selector: 's1', privateKey },
      delivery: { routes: mailbox.routes },
    });
    const [outcome] = await broker.send({ from: 'ada@example.com', to: 'bob@example.org', text: 'Hello.' });
    return outcome;
  } finally {
    await mailbox.close();
  }
}

send().then((outcome) => console.log(outcome?.status));
