/**
 * Reply rules: what a reply means. `reply-rules.ts` holds the table; this module only applies it.
 *
 * The first rule whose conditions all hold decides, so a specific rule comes before a general one. Matching takes
 * linear time: phrases have one wildcard and need no backtracking.
 */
import type { Reply } from '@mb/smtp-client';
import { optionError } from '../errors.ts';
import { flag, type OptionTable, required, text, word } from '../option-table.ts';
import type { FailureAction, FailureCategory, FailureScope } from './failure.ts';
import type { Stage } from './outcome.ts';

/** When a rule matches a reply. All conditions that are given must hold; a list holds when one entry does. */
export interface ReplyConditions {
  /** Basic code such as `550`, or a class: `'4yz'`, `'5yz'`. */
  readonly code?: number | ReplyClass | readonly (number | ReplyClass)[];
  /** Enhanced code such as `'5.1.1'`; `*` stands for one number (`'*.2.2'`, `'5.7.*'`). `'none'`: there is none. */
  readonly enhanced?: string | readonly string[];
  /** Stage of the session in which the reply came. */
  readonly stage?: Stage | readonly Stage[];
  /**
   * Phrases, in any case. A phrase begins and ends at the edge of a word, and `*` matches any text: `'user *
   * unknown'`, `'throttl*'`. Mail addresses are removed from a reply first, and URLs are reduced to their host.
   */
  readonly text?: string | readonly string[];
  /** Name of the mail exchanger: `'mx.example.com'`, or `'*.example.com'` for that domain and all names below it. */
  readonly host?: string | readonly string[];
  /** True: only from a relay that was configured for domains other than its own. False: never from one. */
  readonly relay?: boolean;
  /** True: only where the reply is about several recipients at once. False: only where it is about one. */
  readonly shared?: boolean;
}

/** All permanent or all temporary replies. */
export type ReplyClass = '4yz' | '5yz';

/** A rule: conditions, and the meaning of a reply that meets them. */
export interface ReplyRule extends ReplyConditions {
  /** Names the rule in outcomes and in `mb explain-reply`; unique among the rules of a broker. */
  readonly id: string;
  readonly category: FailureCategory;
  readonly scope: FailureScope;
  readonly action: FailureAction;
  /** With `delay`, `slow-down` and `pause`: how long, in milliseconds, when the host names no time. */
  readonly afterMs?: number;
  /** Where the meaning is documented: a URL or an RFC section. */
  readonly source?: string;
}

/** Where a reply came from. */
export interface ReplyContext {
  readonly stage: Stage;
  /** Name of the mail exchanger. */
  readonly host?: string | undefined;
  /** Whether the host is a relay that was configured for domains other than its own. Default false. */
  readonly relay?: boolean | undefined;
  /** Whether the reply applies to several recipients at once. Default false. */
  readonly shared?: boolean | undefined;
}

/** Compiled rules. */
export interface ReplyRules {
  /** Returns the first rule that matches. */
  match(reply: Reply, context: ReplyContext): ReplyRule;
}

/** Only this many characters of a reply's text are searched. */
const maxSearchedText = 2048;
const maxRules = 1000;
const maxPhraseLength = 200;

/**
 * Compiles rules. The last one must match every reply.
 *
 * @throws {BrokerError} MB_BROKER_OPTION for an invalid rule, and for a duplicate id.
 */
export function compileReplyRules(rules: readonly ReplyRule[]): ReplyRules {
  if (rules.length > maxRules) throw optionError(`There may be at most ${maxRules} reply rules.`);
  const ids = new Set<string>();
  const compiled = rules.map((rule, index) => {
    checkRule(rule, index);
    if (ids.has(rule.id))
      throw optionError(`Reply rule "${rule.id}" is given twice; give each an id of its own.`);
    ids.add(rule.id);
    return { rule, fits: compileConditions(rule) };
  });
  return {
    match(reply, context) {
      const facts = readFacts(reply, context);
      const found = compiled.find(({ fits }) => fits(facts));
      if (!found) throw new Error('The last reply rule must match every reply.');
      return found.rule;
    },
  };
}

/** What conditions are checked against. */
interface Facts {
  readonly code: number;
  readonly enhanced: string | undefined;
  readonly stage: Stage;
  readonly text: string;
  readonly host: string;
  readonly relay: boolean;
  readonly shared: boolean;
}

function readFacts(
  { code, enhanced, lines: all }: Reply,
  { stage, host = '', relay = false, shared = false }: ReplyContext,
): Facts {
  const lines = firstOf(all);
  return {
    code,
    enhanced: enhanced ?? bracketedCode(code, lines),
    stage,
    text: searchedText(lines),
    host: host.toLowerCase().replace(/\.$/, ''),
    relay,
    shared,
  };
}

/** The first lines, up to {@link maxSearchedText} characters in all. */
function firstOf(lines: readonly string[]): string[] {
  const first: string[] = [];
  let room = maxSearchedText;
  for (const line of lines) {
    if (room <= 0) break;
    first.push(line.slice(0, room));
    room -= line.length + 1;
  }
  return first;
}

/**
 * QUIRK(qmail and its descendants): the enhanced code is at the end, as in `sorry, no mailbox here by that name
 * (#5.1.1)`.
 */
function bracketedCode(code: number, lines: readonly string[]): string | undefined {
  const found = /#([45]\.\d{1,3}\.\d{1,3})\b/.exec(lines.join(' '))?.[1];
  return found?.[0] === String(code)[0] ? found : undefined;
}

/** Lower-case text of all lines, without enhanced codes, mail addresses, and what follows the host in a URL. */
function searchedText(lines: readonly string[]): string {
  return lines
    .map((line) => line.replace(/^[245]\.\d{1,3}\.\d{1,3}(?=\s|$)/, ''))
    .join(' ')
    .toLowerCase()
    .replaceAll('’', "'")
    .split(/\s+/)
    .map(withoutDetail)
    .filter((word) => word !== '')
    .join(' ');
}

function withoutDetail(word: string): string {
  const scheme = word.indexOf('://');
  if (scheme >= 0) return word.slice(scheme + 3).split(/[/?#:]/, 1)[0]!;
  if (!word.includes('@')) return word;
  // The punctuation around an address goes with it: "<a@example.com>:" and "(a@example.com)" leave nothing.
  const rest = /^[^@]*@[\w.\-[\]]*[>)\]"';:,.]*(.*)$/.exec(word)?.[1] ?? '';
  return rest;
}

type Condition = (facts: Facts) => boolean;

function compileConditions(rule: ReplyConditions): Condition {
  const conditions: Condition[] = [];
  if (rule.code !== undefined) {
    const codes = listOf(rule.code);
    conditions.push(({ code }) => codes.includes(code) || codes.includes(code < 500 ? '4yz' : '5yz'));
  }
  if (rule.enhanced !== undefined) {
    const patterns = listOf(rule.enhanced);
    conditions.push(({ enhanced }) => patterns.some((pattern) => enhancedFits(pattern, enhanced)));
  }
  if (rule.stage !== undefined) {
    const stages = listOf(rule.stage);
    conditions.push(({ stage }) => stages.includes(stage));
  }
  if (rule.host !== undefined) {
    const patterns = listOf(rule.host).map((pattern) => pattern.toLowerCase());
    conditions.push(({ host }) => patterns.some((pattern) => hostFits(pattern, host)));
  }
  if (rule.relay !== undefined) conditions.push(({ relay }) => relay === rule.relay);
  if (rule.shared !== undefined) conditions.push(({ shared }) => shared === rule.shared);
  if (rule.text !== undefined) {
    const phrases = listOf(rule.text).map((phrase) => new Phrase(phrase));
    conditions.push(({ text }) => phrases.some((phrase) => phrase.occursIn(text)));
  }
  return (facts) => conditions.every((holds) => holds(facts));
}

function listOf<Entry extends string | number>(value: Entry | readonly Entry[]): readonly Entry[] {
  return Array.isArray(value) ? (value as readonly Entry[]) : [value as Entry];
}

function enhancedFits(pattern: string, enhanced: string | undefined): boolean {
  if (enhanced === undefined) return pattern === 'none';
  const given = enhanced.split('.');
  return pattern.split('.').every((part, index) => part === '*' || part === given[index]);
}

function hostFits(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return host === pattern;
  return host === pattern.slice(2) || host.endsWith(pattern.slice(1));
}

/** A phrase, in which `*` matches any text. */
class Phrase {
  readonly #parts: readonly string[];

  constructor(pattern: string) {
    this.#parts = pattern
      .toLowerCase()
      .split('*')
      .map((part) => part.trim());
  }

  /** The leftmost match of each part leaves the most text for the next one, so no backtracking is needed. */
  occursIn(text: string): boolean {
    const last = this.#parts.length - 1;
    let from = 0;
    for (const [index, part] of this.#parts.entries()) {
      if (part === '') continue;
      const at = findPart(text, part, from, index > 0, index < last);
      if (at < 0) return false;
      from = at + part.length;
    }
    return true;
  }
}

/**
 * The index of `part` in `text`, at `from` or later, or -1. It ends at the edge of a word on each side that is not
 * open.
 */
function findPart(text: string, part: string, from: number, openStart: boolean, openEnd: boolean): number {
  for (let at = text.indexOf(part, from); at >= 0; at = text.indexOf(part, at + 1)) {
    const startsWord = openStart || !joins(text[at - 1], part[0]);
    const endsWord = openEnd || !joins(part.at(-1), text[at + part.length]);
    if (startsWord && endsWord) return at;
  }
  return -1;
}

/** Digits, and letters of scripts that put spaces between words. */
const wordCharacter = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\p{Nd}]/u;

function joins(left: string | undefined, right: string | undefined): boolean {
  return left !== undefined && right !== undefined && wordCharacter.test(left) && wordCharacter.test(right);
}

/** The values that a rule may have. */
export const replyRuleWords = {
  category: [
    'bad-mailbox',
    'bad-domain',
    'mailbox-full',
    'blocked',
    'content',
    'rate',
    'temporary-host',
    'protocol',
    'tls-policy',
    'local',
    'unknown-reason',
  ],
  scope: ['recipient', 'message', 'sender', 'session', 'destination'],
  action: ['suppress', 'fail', 'retry', 'delay', 'slow-down', 'pause', 'reconnect'],
  stage: [
    'connect',
    'greeting',
    'ehlo',
    'helo',
    'starttls',
    'tls',
    'auth',
    'idle',
    'mail',
    'rcpt',
    'data',
    'chunk',
    'content',
    'final',
  ],
} as const satisfies {
  readonly category: readonly FailureCategory[];
  readonly scope: readonly FailureScope[];
  readonly action: readonly FailureAction[];
  readonly stage: readonly Stage[];
};

const categories: readonly FailureCategory[] = replyRuleWords.category;
const scopes: readonly FailureScope[] = replyRuleWords.scope;
const actions: readonly FailureAction[] = replyRuleWords.action;
const stages: readonly Stage[] = replyRuleWords.stage;

/** What `ReplyContext` accepts. */
export const replyContextOptions = {
  stage: required(word<Stage, object>(stages)),
  host: text(),
  relay: flag(),
  shared: flag(),
} satisfies OptionTable<ReplyContext>;

const keys = [
  'id',
  'code',
  'enhanced',
  'stage',
  'text',
  'host',
  'relay',
  'shared',
  'category',
  'scope',
  'action',
  'afterMs',
  'source',
];

function checkRule(rule: ReplyRule, index: number): void {
  if (typeof rule !== 'object' || rule === null || Array.isArray(rule)) {
    throw optionError(`Reply rule ${index + 1} must be an object.`);
  }
  const name = typeof rule.id === 'string' ? `Reply rule "${rule.id}"` : `Reply rule ${index + 1}`;
  const need = (right: boolean, what: string) => {
    if (!right) throw optionError(`${name}: ${what}.`);
  };
  need(
    typeof rule.id === 'string' && /^[\w.:-]{1,64}$/.test(rule.id),
    'id must be 1 to 64 letters, digits, . : _ -',
  );
  const strange = Object.keys(rule).find((key) => !keys.includes(key));
  need(strange === undefined, `there is no key "${strange}"; known are ${keys.join(', ')}`);
  need(categories.includes(rule.category), `category must be one of ${categories.join(', ')}`);
  need(scopes.includes(rule.scope), `scope must be one of ${scopes.join(', ')}`);
  need(actions.includes(rule.action), `action must be one of ${actions.join(', ')}`);
  need(
    rule.action !== 'suppress' || rule.category === 'bad-mailbox',
    'action suppress needs category bad-mailbox, because no other says that an address does not exist',
  );
  const { afterMs } = rule;
  need(
    afterMs === undefined || (Number.isSafeInteger(afterMs) && afterMs >= 0 && afterMs <= 4 * 3_600_000),
    'afterMs must be a whole number of milliseconds, at most 14400000 (four hours)',
  );
  need(rule.source === undefined || typeof rule.source === 'string', 'source must be a string');
  for (const flag of [rule.relay, rule.shared])
    need(flag === undefined || typeof flag === 'boolean', 'relay and shared must be true or false');
  checkConditions(rule, need);
}

function checkConditions(rule: ReplyConditions, need: (right: boolean, what: string) => void): void {
  const each = (value: unknown, fits: (entry: unknown) => boolean, what: string) => {
    if (value === undefined) return;
    const list = Array.isArray(value) ? value : [value];
    need(list.length > 0 && list.every(fits), what);
  };
  const matches = (pattern: RegExp) => (entry: unknown) => typeof entry === 'string' && pattern.test(entry);
  each(
    rule.code,
    (code) =>
      code === '4yz' ||
      code === '5yz' ||
      (Number.isInteger(code) && (code as number) >= 400 && (code as number) <= 599),
    "code must be a number from 400 to 599, '4yz' or '5yz', or a list of them",
  );
  each(
    rule.enhanced,
    matches(/^(?:none|[45*]\.(?:\d{1,3}|\*)\.(?:\d{1,3}|\*))$/),
    "enhanced must be like '5.1.1', '*.2.2', '5.7.*' or 'none', or a list of them",
  );
  each(
    rule.stage,
    (stage) => (stages as readonly unknown[]).includes(stage),
    `stage must be one of ${stages.join(', ')}, or a list of them`,
  );
  each(
    rule.text,
    (phrase) =>
      typeof phrase === 'string' &&
      phrase.length <= maxPhraseLength &&
      phrase.replaceAll('*', '').trim().length > 1,
    `text must be a phrase of 2 to ${maxPhraseLength} characters, in which * matches any text, or a list of them`,
  );
  each(
    rule.host,
    matches(/^(?:\*\.)?[\w-]+(?:\.[\w-]+)*\.?$/),
    "host must be like 'mx.example.com' or '*.example.com', or a list of them",
  );
}
