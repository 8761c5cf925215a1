import { createHash } from 'node:crypto';
import { composeMessage, type Mailbox, type Message, parseAddressList } from '@mb/mime';
import { CliError } from '../errors.ts';
import type { CsvRow, RecipientsFile } from './recipients-file.ts';
import {
  asHeaderText,
  asHtml,
  asText,
  asUriPart,
  fillTemplate,
  parseTemplate,
  RowProblem,
  type Template,
} from './template.ts';

/** A row that became a message. */
export interface MergedRow {
  readonly row: number;
  readonly address: string;
  readonly message: Message;
}

/** What the flags of `mb send` say of the recipient. */
export interface RecipientFlags {
  /** `--to`: a display name with gaps and the column of the address, as in `{{first}} {{last}} <{{email}}>`. */
  readonly to?: string;
  readonly toColumn?: string;
}

/** A message with gaps, one of which is its recipient. */
export class MergedMessage {
  readonly #base: Message;
  readonly #columns: number;
  readonly #addressColumn: number;
  readonly #name: Template;
  readonly #subject: Template | undefined;
  readonly #text: Template | undefined;
  readonly #html: Template | undefined;
  readonly #headers: readonly (readonly [name: string, value: Template])[];
  readonly #unsubscribe: readonly Template[];
  /** SHA-256 of all that rows have in common, in hexadecimal. */
  readonly digest: string;
  /** About the octets of a message; values of rows add little to what they have in common. */
  readonly weight: number;

  /**
   * @param base  What all rows have in common; its subject, bodies, header fields and unsubscribe URIs have the gaps.
   * @throws {CliError} MB_CLI_RECIPIENTS, MB_CLI_USAGE
   */
  constructor(base: Message, flags: RecipientFlags, { path, columns }: RecipientsFile) {
    const template = (text: string, where: string) => parseTemplate(text, where, columns);
    this.#base = base;
    this.#columns = columns.length;
    const { name, column } = readRecipient(flags, columns, path);
    this.#name = template(name, '--to');
    this.#addressColumn = column;
    this.#subject = base.subject === undefined ? undefined : template(base.subject, 'the subject');
    this.#text = base.text === undefined ? undefined : template(base.text, 'the text');
    this.#html = base.html === undefined ? undefined : template(base.html, 'the HTML');
    const headers = (base.headers ?? []) as readonly (readonly [string, string])[];
    this.#headers = headers.map(([field, value]) => [field, template(value, `the field ${field}`)]);
    const unsubscribe = (base.list?.unsubscribe ?? []) as readonly string[];
    this.#unsubscribe = unsubscribe.map((uri) => template(uri, '--unsubscribe'));
    this.digest = digestOf({ base, name, column });
    this.weight = weigh(base);
  }

  /** The message of a row. @throws {RowProblem} that says what is wrong with the row */
  compose({ row, values }: CsvRow): MergedRow {
    const { address, message } = this.#fill(values);
    return { row, address, message };
  }

  /** Finds all that can be wrong with a row, without the work that bodies and attachments make. @throws {RowProblem} */
  check({ values }: CsvRow): void {
    const { attachments: _, alternatives: __, html: ___, ...rest } = this.#fill(values).message;
    try {
      composeMessage({ ...rest, text: '' });
    } catch (error) {
      throw new RowProblem((error as Error).message);
    }
  }

  /** Whom a row is for; undefined when it holds no address. */
  addressOf({ values }: CsvRow): string | undefined {
    try {
      return readMailbox(values[this.#addressColumn] ?? '').address;
    } catch (error) {
      if (error instanceof RowProblem) return undefined;
      throw error;
    }
  }

  #fill(values: readonly string[]): { readonly address: string; readonly message: Message } {
    if (values.length !== this.#columns) {
      throw new RowProblem(
        `${values.length} values for ${this.#columns} columns; is a quote or a comma missing?`,
      );
    }
    const mailbox = readMailbox(values[this.#addressColumn]!);
    const name = fillTemplate(this.#name, values, asHeaderText).trim() || mailbox.name;
    const { subject, text, html, headers, list, ...base } = this.#base;
    const message: Message = {
      ...base,
      to: [{ address: mailbox.address, ...(name !== undefined && { name }) }],
      ...(this.#subject && { subject: fillTemplate(this.#subject, values, asHeaderText) }),
      ...(this.#text && { text: fillTemplate(this.#text, values, asText) }),
      ...(this.#html && { html: fillTemplate(this.#html, values, asHtml) }),
      ...(headers && {
        headers: this.#headers.map(
          ([field, value]) => [field, fillTemplate(value, values, asHeaderText)] as const,
        ),
      }),
      ...(list && {
        list: {
          ...list,
          ...(list.unsubscribe && {
            unsubscribe: this.#unsubscribe.map((uri) => fillTemplate(uri, values, asUriPart)),
          }),
        },
      }),
    };
    return { address: mailbox.address, message };
  }
}

const ADDRESS_COLUMNS = ['email', 'to'];

/** Which column holds the address, and what the display name is made of. */
function readRecipient(
  { to, toColumn }: RecipientFlags,
  columns: readonly string[],
  path: string,
): { readonly name: string; readonly column: number } {
  const known = columns.map((column) => column.toLowerCase());
  const [, shown, inBrackets] = /^(.*?)<\s*\{\{([^{}|]+)\}\}\s*>\s*$/s.exec(to ?? '') ?? [];
  const [, alone] = /^\s*\{\{([^{}|]+)\}\}\s*$/.exec(to ?? '') ?? [];
  const fromTo = (inBrackets ?? alone)?.trim();
  if (to !== undefined && (fromTo === undefined || toColumn !== undefined)) {
    const message =
      'With --to-file, --to may only name columns, as in --to "{{first}} {{last}} <{{email}}>"; leave it out for "{{name}} <{{email}}>".';
    throw new CliError('MB_CLI_USAGE', message);
  }
  const named = fromTo ?? toColumn;
  const column =
    named === undefined
      ? known.findIndex((name) => ADDRESS_COLUMNS.includes(name))
      : known.indexOf(named.toLowerCase());
  if (column === -1) {
    const wanted = named === undefined ? 'called email or to' : `"${named}"`;
    const message = `${path}: there is no column ${wanted} with the address; name it by --to-column. The file has: ${columns.join(', ')}.`;
    throw new CliError('MB_CLI_RECIPIENTS', message);
  }
  // A name in quotes is the same name; encoding and quoting come later.
  if (shown !== undefined) return { name: shown.trim().replace(/^"(.*)"$/s, '$1'), column };
  return { name: to === undefined && known.includes('name') ? '{{name|}}' : '', column };
}

function readMailbox(value: string): Mailbox {
  const text = asHeaderText(value.trim(), 'the address');
  if (text === '') throw new RowProblem('there is no address');
  let list: ReturnType<typeof parseAddressList>;
  try {
    list = parseAddressList(text);
  } catch (error) {
    throw new RowProblem((error as Error).message);
  }
  const [mailbox] = list;
  if (list.length !== 1 || !mailbox || 'members' in mailbox) {
    throw new RowProblem(`"${text.slice(0, 80)}" is not one address`);
  }
  return mailbox;
}

const HEADER_BYTES = 4096;

function weigh({ text = '', html = '', attachments = [] }: Message): number {
  const attached = attachments.map((one) =>
    'content' in one && one.content instanceof Uint8Array ? one.content.length : 0,
  );
  // Base64 makes four octets of three.
  const encoded = (attached.reduce((sum, length) => sum + length, 0) * 4) / 3;
  return HEADER_BYTES + Buffer.byteLength(text) + Buffer.byteLength(html) + encoded;
}

/** Digest of anything that JSON shows; octets count too. */
function digestOf(value: object): string {
  const octets = (_key: string, item: unknown) =>
    item instanceof Uint8Array ? createHash('sha256').update(item).digest('hex') : item;
  return createHash('sha256').update(JSON.stringify(value, octets)).digest('hex');
}
