/// <reference path="./mjml-library.d.ts" />
/**
 * Messages written in MJML. Needs the packages mjml and html-to-text.
 *
 * @packageDocumentation
 */
import { textFromHtml } from '@mb/mime/html';
import compile from 'mjml';
import { BrokerError } from '../errors.ts';
import { checkText, flag, type OptionTable, readOptions, text } from '../option-table.ts';

/** How {@link compileMjml} compiles. */
export interface MjmlOptions {
  /** The file of the template, which must exist; `mj-include` is relative to it. Default: `mj-include` is refused. */
  readonly includesFrom?: string | undefined;
  /** Whether `text` is made from the HTML; default true. */
  readonly text?: boolean | undefined;
}

/** What {@link MjmlOptions} accept. @internal */
export const mjmlOptions = {
  includesFrom: text('the path of the template', { pattern: /./s }),
  text: flag(),
} satisfies OptionTable<MjmlOptions>;

/** HTML and text of a message. */
export interface MjmlParts {
  readonly html: string;
  /** Left out with `text: false`. */
  readonly text?: string;
}

/**
 * Compiles MJML into the HTML and the text of a message.
 *
 * Gaps such as `{{name}}` stay, so that a template is compiled once and filled by `parseMessageTemplate()`, which checks
 * the values and escapes them for where they go.
 *
 * @param source  A document that begins with `<mjml>`.
 * @throws {BrokerError} MB_BROKER_TEMPLATE, which names the lines that are not MJML.
 * @example
 * const welcome = parseMessageTemplate({ from, subject: 'Welcome', ...(await compileMjml(source)) });
 * await broker.enqueue({ ...welcome.render({ name: 'Bob' }), to: 'bob@example.org' });
 */
export async function compileMjml(source: string, options: MjmlOptions = {}): Promise<MjmlParts> {
  checkText(source, 'compileMjml: source');
  const { includesFrom, text: withText = true } = readOptions(options, mjmlOptions, 'compileMjml: options');
  if (includesFrom === undefined && /<mj-include[\s/>]/i.test(source)) {
    throw wrongTemplate('it has mj-include. Give includesFrom, the path of the template');
  }
  const { html, errors } = await compiled(source, includesFrom);
  if (errors.length > 0) {
    throw wrongTemplate(errors.map(({ line, message }) => `line ${line}: ${message}`).join('; '));
  }
  return withText ? { html, text: textFromHtml(html) } : { html };
}

/** What is used of mjml's result. */
interface Compiled {
  readonly html: string;
  readonly errors: readonly { readonly line: number; readonly message: string }[];
}

async function compiled(source: string, includesFrom: string | undefined): Promise<Compiled> {
  const include = { ignoreIncludes: includesFrom === undefined, filePath: includesFrom };
  let result: Compiled;
  try {
    result = await compile(source, { validationLevel: 'soft', keepComments: false, ...include });
  } catch (cause) {
    throw wrongTemplate(cause instanceof Error ? cause.message : String(cause), cause);
  }
  // QUIRK(mjml): it writes only a comment for a file that it cannot or may not read.
  if (/<!-- mj-include (?:denied|fails)/.test(result.html)) {
    throw wrongTemplate(
      'a file of an mj-include cannot be read, or is outside of the folder of the template',
    );
  }
  return result;
}

function wrongTemplate(problem: string, cause?: unknown): BrokerError {
  const end = problem.endsWith('.') ? '' : '.';
  return new BrokerError(
    'MB_BROKER_TEMPLATE',
    'invalid-input',
    `The MJML cannot be compiled: ${problem}${end}`,
    cause === undefined ? {} : { cause },
  );
}
