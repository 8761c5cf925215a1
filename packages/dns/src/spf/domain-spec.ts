import { printable } from '../printable.ts';

/** A part of a macro string: literal text, or a macro to expand. */
export type MacroPart = string | Macro;

/** A macro `%{…}` (RFC 7208 §7.1). */
export interface Macro {
  /** Lower case. */
  readonly letter: MacroLetter;
  /** Whether the letter is in upper case, so that the expansion is URL-escaped. */
  readonly urlEscape: boolean;
  /** Number of right-hand labels to keep; 0 keeps all. */
  readonly keep: number;
  readonly reverse: boolean;
  readonly delimiters: string;
}

/** The letters of RFC 7208 §7.2. */
export type MacroLetter = 's' | 'l' | 'o' | 'd' | 'i' | 'p' | 'h' | 'c' | 'r' | 't' | 'v';

/** A macro string, split into its parts. */
export type MacroString = readonly MacroPart[];

// RFC 7208 §7.1: macro-letter transformers *delimiter.
const macroBody = /^([slodiphcrtv])(\d{0,3})(r?)([.\-+,/_=]*)$/i;
const macroLiteral = /^[\x21-\x24\x26-\x7e]+$/;

/** Letters that are allowed only in explanations (RFC 7208 §7.2). */
const explanationOnly = 'crt';

/**
 * Parses a macro string.
 *
 * @param where  `explanation` also allows the letters c, r and t, and spaces.
 * @returns The parts, or a sentence that says what is wrong.
 */
export function parseMacroString(
  text: string,
  where: 'domain' | 'explanation',
): MacroString | { problem: string } {
  const cut = cutMacroString(text, where);
  return 'problem' in cut ? cut : cut.parts;
}

function cutMacroString(
  text: string,
  where: 'domain' | 'explanation',
): { parts: MacroString; endsInMacro: boolean } | { problem: string } {
  const parts: MacroPart[] = [];
  let literal = '';
  let endsInMacro = false;
  for (let at = 0; at < text.length; ) {
    const percent = text.indexOf('%', at);
    const plain = text.slice(at, percent < 0 ? text.length : percent);
    if (plain !== '' && !macroLiteral.test(where === 'explanation' ? plain.replaceAll(' ', '_') : plain)) {
      return { problem: 'it has a character that is not allowed there' };
    }
    literal += plain;
    endsInMacro = percent >= 0;
    if (percent < 0) break;
    const next = text[percent + 1];
    const escaped = next === '%' ? '%' : next === '_' ? ' ' : next === '-' ? '%20' : undefined;
    if (escaped !== undefined) {
      literal += escaped;
      at = percent + 2;
      continue;
    }
    const close = next === '{' ? text.indexOf('}', percent) : -1;
    if (close < 0) return { problem: 'a % does not start a macro' };
    const macro = parseMacro(text.slice(percent + 2, close), where);
    if ('problem' in macro) return macro;
    if (literal !== '') parts.push(literal);
    literal = '';
    parts.push(macro);
    at = close + 1;
  }
  if (literal !== '') parts.push(literal);
  return { parts, endsInMacro };
}

function parseMacro(body: string, where: 'domain' | 'explanation'): Macro | { problem: string } {
  const match = macroBody.exec(body);
  if (match === null) return { problem: `%{${body.slice(0, 20)}} is not a macro` };
  const [, letter = '', digits = '', reverse, delimiters = ''] = match;
  const lower = letter.toLowerCase();
  if (where === 'domain' && explanationOnly.includes(lower)) {
    return { problem: `%{${letter}} is for explanations only` };
  }
  // RFC 7208 §7.1: the number must not be zero.
  if (digits !== '' && Number(digits) === 0) return { problem: `%{${body}} keeps no label` };
  return {
    letter: lower as MacroLetter,
    urlEscape: letter !== lower,
    keep: Number(digits),
    reverse: reverse !== '',
    delimiters: delimiters === '' ? '.' : delimiters,
  };
}

/**
 * Parses a `domain-spec`: a macro string that ends in a top label or a macro.
 *
 * @returns The parts, or a sentence that says what is wrong.
 */
export function parseDomainSpec(text: string): MacroString | { problem: string } {
  if (text === '') return { problem: 'its domain is empty' };
  const cut = cutMacroString(text, 'domain');
  if ('problem' in cut) return cut;
  // RFC 7208 §7.1: domain-end is a top label or a macro-expand, which includes %%, %_ and %-.
  if (cut.endsInMacro || endsInTopLabel(text)) return cut.parts;
  return { problem: `${printable(text)} does not end in a top-level domain or a macro` };
}

/** RFC 7208 §7.1: whether the text ends in a top label, which has a letter or an inner hyphen, unlike an address. */
function endsInTopLabel(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text;
  const dot = name.lastIndexOf('.');
  const label = name.slice(dot + 1);
  return dot >= 0 && /^[a-z0-9-]+$/i.test(label) && /[a-z-]/i.test(label) && !/^-|-$/.test(label);
}
