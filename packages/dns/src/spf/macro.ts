import type { Macro, MacroString } from './domain-spec.ts';
import { dottedIp, type IpWords, readableIp } from './network.ts';

/** Values of the macros of a check. */
export interface MacroContext {
  readonly ip: IpWords;
  readonly helo: string;
  readonly localPart: string;
  readonly senderDomain: string;
  /** The domain whose record is being evaluated. */
  readonly domain: string;
  /** Name of the checking host, for `r`. */
  readonly receiver: string;
  /** Epoch milliseconds, for `t`. */
  readonly now: number;
  /** Looks up the validated name of the address, for `p`; called only if a record uses it. */
  readonly validatedName: () => Promise<string>;
}

/** Maximum length of a domain name (RFC 7208 §7.3). */
const maxDomainLength = 253;

/** Expands a domain-spec; a result over 253 characters loses labels on the left (RFC 7208 §7.3). */
export async function expandDomain(parts: MacroString, context: MacroContext): Promise<string> {
  let name =
    parts.length === 1 && typeof parts[0] === 'string' ? parts[0] : await expandMacros(parts, context);
  if (name.endsWith('.')) name = name.slice(0, -1);
  while (name.length > maxDomainLength) {
    const dot = name.indexOf('.');
    if (dot < 0) break;
    name = name.slice(dot + 1);
  }
  return name;
}

/** Expands text with macros, as in an explanation. */
export async function expandMacros(parts: MacroString, context: MacroContext): Promise<string> {
  let text = '';
  for (const part of parts) text += typeof part === 'string' ? part : await expandMacro(part, context);
  return text;
}

async function expandMacro(macro: Macro, context: MacroContext): Promise<string> {
  const value = transform(await macroValue(macro, context), macro);
  return macro.urlEscape ? escapeUrl(value) : value;
}

// RFC 7208 §7.2.
async function macroValue({ letter }: Macro, context: MacroContext): Promise<string> {
  switch (letter) {
    case 's':
      return `${context.localPart}@${context.senderDomain}`;
    case 'l':
      return context.localPart;
    case 'o':
      return context.senderDomain;
    case 'd':
      return context.domain;
    case 'i':
      return dottedIp(context.ip);
    case 'p':
      return context.validatedName();
    case 'h':
      return context.helo;
    case 'c':
      return readableIp(context.ip);
    case 'r':
      return context.receiver;
    case 't':
      return String(Math.floor(context.now / 1000));
    case 'v':
      return context.ip.family === 4 ? 'in-addr' : 'ip6';
  }
}

// RFC 7208 §7.3: split at the delimiters, reverse, keep the right-hand part, join with dots.
function transform(value: string, { keep, reverse, delimiters }: Macro): string {
  if (keep === 0 && !reverse && delimiters === '.') return value;
  const labels: string[] = [];
  let label = '';
  for (const character of value) {
    if (!delimiters.includes(character)) label += character;
    else {
      labels.push(label);
      label = '';
    }
  }
  labels.push(label);
  if (reverse) labels.reverse();
  return (keep === 0 ? labels : labels.slice(-keep)).join('.');
}

/** RFC 7208 §7.3: encodes all characters as `%XX` except the unreserved ones of RFC 3986. */
function escapeUrl(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
