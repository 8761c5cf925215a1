/** What the inbox refuses, to test how an application handles it; nothing by default. */
export interface InboxScript {
  /** Replies to RCPT by address, in any case, such as `{ "gone@example.org": "550 5.1.1 No such user" }`. */
  readonly recipients?: Readonly<Record<string, string>>;
  /** The reply to every other RCPT. */
  readonly rcpt?: string;
  /** The reply to every message after its content. */
  readonly content?: string;
}

/** Reads a script, with the addresses in lower case. @returns A sentence that says what is wrong, if it is invalid. */
export function readScript(given: unknown): InboxScript | string {
  if (!isObject(given)) return 'A script must be an object.';
  const { recipients, ...replies } = given;
  if (recipients !== undefined && !isObject(recipients)) {
    return 'recipients must be an object of replies by address.';
  }
  const unknown = Object.keys(replies).find((key) => key !== 'rcpt' && key !== 'content');
  if (unknown !== undefined) {
    return `A script has no "${unknown.slice(0, 40)}"; it has recipients, rcpt and content.`;
  }
  const byAddress = Object.entries(recipients ?? {});
  const [wrong] = [...byAddress, ...Object.entries(replies)].find(([, reply]) => !isReply(reply)) ?? [];
  if (wrong !== undefined) {
    return `${wrong.slice(0, 320)}: a reply is a code of 400 to 599 and a text, such as "550 5.1.1 No such user".`;
  }
  if (!recipients) return given as InboxScript;
  const inLowerCase = byAddress.map(([address, reply]) => [address.toLowerCase(), reply]);
  return { ...given, recipients: Object.fromEntries(inLowerCase) as Record<string, string> };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isReply(value: unknown): boolean {
  return typeof value === 'string' && /^[45]\d\d [\x20-\x7e]{1,400}$/.test(value);
}

/** The reply to a recipient; undefined when it is accepted. */
export function replyTo(address: string, { recipients = {}, rcpt }: InboxScript): string | undefined {
  const name = address.toLowerCase();
  return Object.hasOwn(recipients, name) ? recipients[name] : rcpt;
}
