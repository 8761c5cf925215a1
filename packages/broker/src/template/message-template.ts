import type { HeaderInput, ListFields, Message } from '@mb/mime';
import { BrokerError, optionError } from '../errors.ts';
import {
  type Escape,
  escapeHeaderText,
  escapeHtml,
  escapeText,
  escapeUriPart,
  fillGapText,
  type GapText,
  type LookupValue,
  parseGapText,
} from './gap-text.ts';

/** A variable that a template has gaps for. */
export interface TemplateVariable {
  /** As the template writes it first; letters in either case are the same. */
  readonly name: string;
  /** Whether a value must be given: at least one of its gaps has no text of its own. */
  readonly required: boolean;
  /** Where it is used, in words: `the subject`, `the HTML`, `the field X-Code`. */
  readonly usedIn: readonly string[];
}

/** Values by the name of their variable. What is undefined or null counts as not given; an empty string is a value. */
export type TemplateValues = Readonly<Record<string, string | number | bigint | null | undefined>>;

/** A message whose subject, text, HTML, header fields and unsubscribe URIs have gaps such as `{{name}}`. */
export interface MessageTemplate {
  /** All variables, in the order of their first gap. */
  readonly variables: readonly TemplateVariable[];
  /**
   * Fills all gaps. Values are escaped for where they go: HTML, a part of a URI, a header field of one line.
   *
   * @param values  By name in either case; a value without a gap is ignored.
   * @throws {BrokerError} MB_BROKER_TEMPLATE_VALUES, which names every value that is missing or does not fit.
   */
  render(values: TemplateValues): Message;
  /**
   * As `render`, with values from a function, and with problems as a result.
   *
   * @param lookup  Gives the value of a variable by its name in lower case.
   */
  fill(lookup: LookupValue): { readonly message: Message; readonly problems: readonly string[] };
}

/** A text of the message, and how a value gets into it. */
interface Part {
  readonly text: GapText;
  readonly makeSafe: Escape;
}

/** The parts of a message that have gaps, in its own shape. */
interface Parts {
  readonly subject?: Part;
  readonly text?: Part;
  readonly html?: Part;
  readonly headers?: readonly (readonly [name: string, value: Part])[];
  readonly unsubscribe?: readonly Part[];
}

/**
 * Reads a message with gaps: `{{name}}`, or `{{name|text}}` with the text for messages without a value; `\{{` is a
 * literal `{{`. Gaps may be in `subject`, `text`, `html`, the values of `headers` and `list.unsubscribe`; every other
 * field is used as it is.
 *
 * @throws {BrokerError} MB_BROKER_TEMPLATE for a gap without a name or without its closing braces; MB_BROKER_OPTION for
 *   a field of the wrong type.
 * @example
 * const welcome = parseMessageTemplate({
 *   from: 'ann@example.com',
 *   subject: 'Welcome, {{name|friend}}',
 *   html: '<p>Your code is <b>{{code}}</b>.</p>',
 * });
 * await broker.enqueue({ ...welcome.render({ name: 'Bob', code: '123456' }), to: 'bob@example.org' });
 */
export function parseMessageTemplate(message: Message): MessageTemplate {
  if (Object.prototype.toString.call(message) !== '[object Object]')
    throw optionError('parseMessageTemplate: message must be an object.');
  const parts = readParts(message);
  const variables = variablesOf(parts);
  const fill = (lookup: LookupValue) => {
    const problems: string[] = [];
    return { message: fillParts(message, parts, lookup, problems), problems };
  };
  return {
    variables,
    fill,
    render(values) {
      const { message: filled, problems } = fill(lookupIn(values));
      if (problems.length === 0) return filled;
      throw new BrokerError(
        'MB_BROKER_TEMPLATE_VALUES',
        'invalid-input',
        `The template cannot be filled: ${[...new Set(problems)].join('; ')}.`,
        { field: 'values' },
      );
    },
  };
}

function readParts({ subject, text, html, headers, list }: Message): Parts {
  const part = (given: unknown, where: string, makeSafe: Escape): Part => {
    if (typeof given !== 'string') {
      throw optionError(`Template: ${where} must be a string.`);
    }
    return { text: parseGapText(given, where), makeSafe };
  };
  const unsubscribe = list?.unsubscribe;
  return {
    ...(subject !== undefined && { subject: part(subject, 'the subject', escapeHeaderText) }),
    ...(text !== undefined && { text: part(text, 'the text', escapeText) }),
    ...(html !== undefined && { html: part(html, 'the HTML', escapeHtml) }),
    ...(headers !== undefined && {
      headers: pairsOf(headers).map(
        ([name, value]) => [name, part(value, `the field ${name}`, escapeHeaderText)] as const,
      ),
    }),
    ...(unsubscribe !== undefined && {
      unsubscribe: [unsubscribe].flat().map((uri) => part(uri, 'the unsubscribe URI', escapeUriPart)),
    }),
  };
}

function fillParts(message: Message, parts: Parts, lookup: LookupValue, problems: string[]): Message {
  const filled = ({ text, makeSafe }: Part) => fillGapText(text, lookup, makeSafe, problems);
  const { subject, text, html, headers, unsubscribe } = parts;
  return {
    ...message,
    ...(subject && { subject: filled(subject) }),
    ...(text && { text: filled(text) }),
    ...(html && { html: filled(html) }),
    ...(headers && { headers: headers.map(([name, value]) => [name, filled(value)] as const) }),
    ...(unsubscribe && { list: { ...message.list, unsubscribe: unsubscribe.map(filled) } as ListFields }),
  };
}

function variablesOf({ subject, text, html, headers = [], unsubscribe = [] }: Parts): TemplateVariable[] {
  const found = new Map<string, { name: string; required: boolean; usedIn: Set<string> }>();
  const parts = [subject, text, html, ...headers.map(([, value]) => value), ...unsubscribe];
  for (const part of parts) {
    for (const piece of part?.text.pieces ?? []) {
      if (typeof piece === 'string') continue;
      const { name, key, fallback } = piece;
      const variable = found.get(key) ?? { name, required: false, usedIn: new Set() };
      variable.required ||= fallback === undefined;
      variable.usedIn.add(part!.text.where);
      found.set(key, variable);
    }
  }
  return Array.from(found.values(), ({ usedIn, ...rest }) => ({ ...rest, usedIn: [...usedIn] }));
}

function pairsOf(headers: HeaderInput): readonly (readonly [name: string, value: string])[] {
  if (Array.isArray(headers)) return headers;
  return Object.entries(headers).flatMap(([name, values]) =>
    [values].flat().map((value) => [name, value] as const),
  );
}

/** @throws {BrokerError} MB_BROKER_TEMPLATE_VALUES for a value that is not text, and for two that have one name. */
function lookupIn(values: TemplateValues): LookupValue {
  if (typeof values !== 'object' || values === null || Array.isArray(values)) {
    throw optionError('Template: values must be an object, such as { name: "Bob" }.');
  }
  const byKey = new Map<string, string>();
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null) continue;
    const key = name.toLowerCase();
    if (!['string', 'number', 'bigint'].includes(typeof value)) {
      throw wrongValue(name, 'must be a string or a number');
    }
    if (byKey.has(key)) throw wrongValue(name, 'is given twice; letters in either case are the same');
    byKey.set(key, String(value));
  }
  return (key) => byKey.get(key);
}

function wrongValue(name: string, problem: string): BrokerError {
  return new BrokerError(
    'MB_BROKER_TEMPLATE_VALUES',
    'invalid-input',
    `The template cannot be filled: ${JSON.stringify(name)} ${problem}.`,
    { field: 'values' },
  );
}
