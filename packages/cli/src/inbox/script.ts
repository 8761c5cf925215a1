/** What the inbox refuses, to test what an application does then; nothing by default. */
export interface InboxScript {
  /** Replies to RCPT by address, in lower case, such as `{ "gone@example.org": "550 5.1.1 No such user" }`. */
  readonly recipients?: Readonly<Record<string, string>>;
  /** The reply to every other RCPT. */
  readonly rcpt?: string;
  /** The reply to every message after its content. */
  readonly content?: string;
}

const replies = /^[45]\d\d [\x20-\x7e]{1,400}$/;

/** Reads a script. @returns a sentence when it is none. */
export function readScript(given: unknown): InboxScript | string {
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    return 'A script must be an object.';
  for (const [key, value] of Object.entries(given)) {
    if (!['recipients', 'rcpt', 'content'].includes(key))
      return `A script has no "${key.slice(0, 40)}"; it has recipients, rcpt and content.`;
    const wanted = key === 'recipients' ? Object.values((value ?? {}) as object) : [value];
    if (key === 'recipients' && (typeof value !== 'object' || value === null))
      return 'recipients must be an object of replies by address.';
    if (wanted.some((reply) => typeof reply !== 'string' || !replies.test(reply))) {
      return `${key}: a reply is a code of 400 to 599 and a text, such as "550 5.1.1 No such user".`;
    }
  }
  return given as InboxScript;
}

/** The reply to a recipient; undefined: it is accepted. */
export function replyTo(address: string, { recipients = {}, rcpt }: InboxScript): string | undefined {
  const name = address.toLowerCase();
  return Object.hasOwn(recipients, name) ? recipients[name] : rcpt;
}
