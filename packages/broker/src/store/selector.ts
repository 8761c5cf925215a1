import { BrokerError } from '../errors.ts';
import type { MessageId, SiteKey } from './ids.ts';
import { type RecipientState, recipientStates } from './recipient-state.ts';

/** The conditions of a {@link Selector}; all that are given must hold. */
export interface SelectorConditions {
  readonly messageId?: MessageId;
  /** `null` selects the messages that were accepted without a tenant. */
  readonly tenant?: string | null;
  readonly tag?: string;
  readonly site?: SiteKey;
  readonly domain?: string;
  readonly state?: RecipientState;
}

/** Every recipient of the queue. */
export interface WholeQueue {
  readonly all: true;
}

type AtLeastOne<Conditions> = {
  [Key in keyof Conditions]-?: Required<Pick<Conditions, Key>> & Omit<Conditions, Key>;
}[keyof Conditions];

/**
 * Selects recipients: by at least one condition, or `{ all: true }` for the whole queue.
 *
 * An unknown key, an empty string, a value that is `undefined` and an empty object are refused with
 * MB_BROKER_SELECTOR: a misspelt key or an unset variable must not select more than was meant.
 *
 * @example
 * await broker.queue.hold({ domain: 'example.org', state: 'queued' });
 */
export type Selector =
  | (AtLeastOne<SelectorConditions> & { readonly all?: never })
  | (WholeQueue & {
      readonly [Key in keyof SelectorConditions]?: never;
    });

/** Selects recipients for reading, where `{}` selects the whole queue as well. */
export type ListSelector = Selector | Readonly<Record<string, never>>;

/** A selector as stores use it: checked conditions. Without any it selects the whole queue. */
export interface CheckedSelector extends Omit<SelectorConditions, 'tenant'> {
  /** `''` for messages without a tenant. */
  readonly tenant?: string;
}

const conditionNames: readonly string[] = ['messageId', 'tenant', 'tag', 'site', 'domain', 'state'];

/**
 * Checks a selector of a call that changes recipients.
 *
 * @throws {BrokerError} MB_BROKER_SELECTOR
 */
export function checkSelector(selector: Selector): CheckedSelector {
  const conditions = checkConditions(selector);
  if (conditions === 'none') {
    throw wrongSelector(
      'The selector is empty. Give at least one condition, or { all: true } for the whole queue.',
    );
  }
  return conditions;
}

/**
 * Checks a selector of a call that only reads: `{}` selects the whole queue.
 *
 * @throws {BrokerError} MB_BROKER_SELECTOR
 */
export function checkListSelector(selector: ListSelector): CheckedSelector {
  const conditions = checkConditions(selector);
  return conditions === 'none' ? {} : conditions;
}

function checkConditions(selector: unknown): CheckedSelector | 'none' {
  // Refuses arrays, dates, maps, promises and octets, which would look like an object without keys.
  if (Object.prototype.toString.call(selector) !== '[object Object]') {
    throw wrongSelector('A selector is an object such as { domain: "example.org" } or { all: true }.');
  }
  const entries = Object.entries(selector as object);
  for (const [key, value] of entries) checkCondition(key, value);
  const { all, tenant, ...conditions } = selector as SelectorConditions & { readonly all?: true };
  if (all) {
    if (entries.length === 1) return {};
    throw wrongSelector('A selector has either all: true or conditions, not both.');
  }
  if (entries.length === 0) return 'none';
  return { ...conditions, ...(tenant !== undefined && { tenant: tenant ?? '' }) };
}

function checkCondition(key: string, value: unknown): void {
  if (key === 'all') {
    if (value === true) return;
    throw wrongSelector('all can only be true; leave it out to select by conditions.');
  }
  if (!conditionNames.includes(key)) {
    throw wrongSelector(
      `A selector has no condition ${JSON.stringify(key.slice(0, 40))}; known are: all, ${conditionNames.join(', ')}.`,
    );
  }
  if (key === 'tenant' && value === null) return;
  if (typeof value !== 'string' || value === '') {
    const found = value === '' ? 'an empty string' : value === null ? 'null' : `of type ${typeof value}`;
    const without = key === 'tenant' ? ' null selects messages without a tenant.' : '';
    throw wrongSelector(
      `The condition ${key} is ${found}; it must be a string that is not empty, or left out.${without}`,
    );
  }
  if (key === 'state' && !recipientStates.includes(value as RecipientState)) {
    throw wrongSelector(`The condition state must be one of ${recipientStates.join(', ')}.`);
  }
}

function wrongSelector(message: string): BrokerError {
  return new BrokerError('MB_BROKER_SELECTOR', 'api-misuse', message);
}
