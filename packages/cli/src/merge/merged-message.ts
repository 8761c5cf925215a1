import { createHash } from 'node:crypto';
import {
  escapeHeaderText,
  fillGapText,
  type GapText,
  type MessageTemplate,
  parseGapText,
  parseMessageTemplate,
} from '@mb/broker/template';
import { composeMessage, type Mailbox, type Message, parseAddressList } from '@mb/mime';
import { CliError } from '../errors.ts';
import type { CsvRow, RecipientsFile } from './recipients-file.ts';
import { RowProblem } from './row-problem.ts';

/** A row with its message. */
export interface MergedRow {
  readonly row: number;
  readonly address: string;
  readonly message: Message;
}

/** The flags of `mb send` that say which columns make the recipient. */
export interface RecipientFlags {
  /** `--to`: a display name with gaps and the column of the address, as in `{{first}} {{last}} <{{email}}>`. */
  readonly to?: string;
  readonly toColumn?: string;
}

/** A message with placeholders that the columns of a row fill, the recipient among them. */
export class MergedMessage {
  readonly #columns: readonly string[];
  readonly #addressColumn: number;
  readonly #name: GapText;
  readonly #template: MessageTemplate;
  /** SHA-256 of the message with its placeholders, in hexadecimal. */
  readonly digest: string;
  /** Approximate size of a message in octets; the values of rows add little to it. */
  readonly weight: number;

  /**
   * @param base  The message with its placeholders: in the subject, bodies, header fields and unsubscribe URIs.
   * @throws {CliError} MB_CLI_RECIPIENTS, MB_CLI_USAGE; BrokerError MB_BROKER_TEMPLATE
   */
  constructor(base: Message, flags: RecipientFlags, { path, columns }: RecipientsFile) {
    const { name, column } = readRecipient(flags, columns, path);
    this.#columns = columns.map((heading) => heading.toLowerCase());
    this.#addressColumn = column;
    this.#name = parseGapText(name, '--to');
    this.#template = parseMessageTemplate(base);
    for (const piece of this.#name.pieces) {
      if (typeof piece !== 'string') this.#checkColumn(piece.name, '--to', columns);
    }
    for (const variable of this.#template.variables) {
      this.#checkColumn(variable.name, variable.usedIn[0]!, columns);
    }
    this.digest = digestOf({ base, name, column });
    this.weight = weigh(base);
  }

  /** The message of a row. @throws {RowProblem} that says what is wrong with the row */
  compose({ row, values }: CsvRow): MergedRow {
    const { address, message } = this.#fill(values);
    return { row, address, message };
  }

  /** Checks a row without composing bodies and attachments, which takes long. @throws {RowProblem} */
  check({ values }: CsvRow): void {
    const { attachments: _, alternatives: __, html: ___, ...rest } = this.#fill(values).message;
    try {
      composeMessage({ ...rest, text: '' });
    } catch (error) {
      throw new RowProblem((error as Error).message);
    }
  }

  /** The address of a row; undefined when it has none. */
  addressOf({ values }: CsvRow): string | undefined {
    try {
      return readMailbox(values[this.#addressColumn] ?? '').address;
    } catch (error) {
      if (error instanceof RowProblem) return undefined;
      throw error;
    }
  }

  #fill(values: readonly string[]): { readonly address: string; readonly message: Message } {
    if (values.length !== this.#columns.length) {
      throw new RowProblem(
        `${values.length} values for ${this.#columns.length} columns; is a quote or a comma missing?`,
      );
    }
    const mailbox = readMailbox(values[this.#addressColumn]!);
    // An empty cell of a table is no value.
    const lookup = (key: string) => values[this.#columns.indexOf(key)] || undefined;
    const problems: string[] = [];
    const name = fillGapText(this.#name, lookup, escapeHeaderText, problems).trim() || mailbox.name;
    const filled = this.#template.fill(lookup);
    const [problem] = [...problems, ...filled.problems];
    if (problem !== undefined) throw new RowProblem(problem);
    const to = [{ address: mailbox.address, ...(name !== undefined && { name }) }];
    return { address: mailbox.address, message: { ...filled.message, to } };
  }

  /** @throws {CliError} MB_CLI_RECIPIENTS */
  #checkColumn(name: string, where: string, columns: readonly string[]): void {
    if (this.#columns.includes(name.toLowerCase())) return;
    const known = columns.filter((column) => column !== '').join(', ');
    const message = `There is no column "${name}", which ${where} uses as {{${name}}}; the file has: ${known}.`;
    throw new CliError('MB_CLI_RECIPIENTS', message);
  }
}

const ADDRESS_COLUMNS = ['email', 'to'];

/** Finds the column of the address, and the text of the display name. */
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
    const message = `${path}: there is no column ${wanted} with the address; name the column with --to-column. The file has: ${columns.join(', ')}.`;
    throw new CliError('MB_CLI_RECIPIENTS', message);
  }
  // The quotes are not part of the name; it is quoted or encoded later.
  if (shown !== undefined) return { name: shown.trim().replace(/^"(.*)"$/s, '$1'), column };
  return { name: to === undefined && known.includes('name') ? '{{name|}}' : '', column };
}

function readMailbox(value: string): Mailbox {
  const text = escapeHeaderText(value.trim());
  if (typeof text !== 'string') throw new RowProblem(`the address ${text.problem}`);
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
  // Base64 encodes three octets as four.
  const encoded = (attached.reduce((sum, length) => sum + length, 0) * 4) / 3;
  return HEADER_BYTES + Buffer.byteLength(text) + Buffer.byteLength(html) + encoded;
}

/** Digest of the JSON of a value, with octets replaced by their digest. */
function digestOf(value: object): string {
  const octets = (_key: string, item: unknown) =>
    item instanceof Uint8Array ? createHash('sha256').update(item).digest('hex') : item;
  return createHash('sha256').update(JSON.stringify(value, octets)).digest('hex');
}
