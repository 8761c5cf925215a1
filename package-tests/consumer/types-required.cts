// A CommonJS consumer's use: the compiler knows that Node lets it require ES modules.
import broker = require('@mb/broker');
import mime = require('@mb/mime');

const message: mime.Message = { from: 'ada@example.com', to: 'bob@example.org', text: 'Hello.' };

export function send(): Promise<broker.RecipientOutcome[]> {
  return new broker.MailBroker({ hostname: 'mail.example.com' }).send(message);
}
