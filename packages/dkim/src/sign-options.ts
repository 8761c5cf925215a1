import type { Canonicalization, CanonicalizationPair } from './canon/canonicalization.ts';
import { isSameOrSubdomain, toAscii } from './domain-name.ts';
import { DkimError, optionError } from './errors.ts';
import { defaultHeaders, defaultOversign } from './field-selection.ts';
import {
  loadSigningKey,
  type PrivateKeyInput,
  passphraseRow,
  privateKeyRow,
  type SigningKey,
} from './keys.ts';
import {
  callback,
  either,
  flag,
  group,
  integer,
  list,
  literal,
  matching,
  type OptionsRead,
  type OptionTable,
  readOptions,
  required,
  text,
  word,
} from './option-table.ts';
import { SelfCheck, type SelfCheckOptions, selfCheckOptions } from './self-check.ts';
import { encodeDkimQuotedPrintable } from './signature-field.ts';

/** A key with its selector, and the time in which the signer may use it. */
export interface SelectorKey {
  /** The key is published at `<selector>._domainkey.<domain>`. */
  readonly selector: string;
  /** PEM, DER, a KeyObject, or a key held elsewhere. */
  readonly privateKey: PrivateKeyInput;
  /** Passphrase of an encrypted PEM. */
  readonly passphrase?: string | Uint8Array | undefined;
  /** Start of use (Date or epoch ms). Default: always. */
  readonly validFrom?: Date | number | undefined;
  /** End of use (Date or epoch ms). Default: never. Keep the record published for some days longer. */
  readonly validUntil?: Date | number | undefined;
}

/** Settings of a signature; only `domain` and the key have no defaults. */
export interface SignatureSettings {
  /** Signing domain, `d=`; U-labels are converted to A-labels. */
  readonly domain: string;
  /** Header and body canonicalisation. Default `relaxed/relaxed`. */
  readonly canonicalization?: CanonicalizationPair | undefined;
  /** Names of fields that are signed if they occur. From is always added. Default {@link defaultHeaders}. */
  readonly headers?: readonly string[] | undefined;
  /**
   * Names of fields that are signed once more than they occur, so that none can be added.
   * Default {@link defaultOversign}; `[]` for none.
   */
  readonly oversign?: readonly string[] | undefined;
  /** `i=`: `user@sub.example.com` or `@example.com`, in `domain` or below. Default: no tag. */
  readonly identity?: string | undefined;
  /** `x=`: time after signing at which the signature expires, in seconds. Default: no tag. */
  readonly expiresAfterSeconds?: number | undefined;
  /** `t=`: time of signing. Default true. */
  readonly timestamp?: boolean | undefined;
  /**
   * `l=`: sign only this many octets of the canonical body, or `whole` for its length.
   * Danger: anyone can append content to the message, and the signature still verifies. Default: no tag.
   */
  readonly bodyLength?: number | 'whole' | undefined;
  /** `q=dns/txt`. Default: no tag, which means the same. */
  readonly queryMethod?: 'dns/txt' | undefined;
  /**
   * `z=`: names of fields to copy into the signature for diagnosis. Danger: the copies reveal fields that a relay may
   * remove. Default: no tag.
   */
  readonly copyHeaders?: readonly string[] | undefined;
  /**
   * Verifies each signature against the published record before it is returned; a failure throws. Default: no check.
   */
  readonly selfCheck?: SelfCheckOptions | undefined;
  /** Current time in epoch ms. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
}

/** Options of a signature: its settings with one key, or with several keys of which the date selects one. */
export type SignOptions = SignatureSettings &
  (
    | (SelectorKey & { readonly keys?: undefined })
    | {
        readonly keys: readonly SelectorKey[];
        readonly selector?: undefined;
        readonly privateKey?: undefined;
      }
  );

/** A parsed key with its time of use in epoch ms. */
export interface PlannedKey extends SigningKey {
  readonly selector: string;
  readonly from: number;
  readonly until: number;
}

/** Checked SignOptions, in the form that signing needs. */
export interface SignaturePlan {
  readonly domain: string;
  readonly keys: readonly PlannedKey[];
  readonly canonicalization: CanonicalizationPair;
  readonly header: Canonicalization;
  readonly body: Canonicalization;
  readonly headers: readonly string[];
  readonly oversign: ReadonlySet<string>;
  readonly identity: string | undefined;
  readonly expiresAfterSeconds: number | undefined;
  readonly timestamp: boolean;
  readonly bodyLength: number | 'whole' | undefined;
  readonly queryMethod: 'dns/txt' | undefined;
  readonly copyHeaders: readonly string[];
  readonly selfCheck: SelfCheck | undefined;
  readonly now: () => number;
}

const momentRow = matching<Date | number>(
  'a Date or epoch milliseconds',
  (value) =>
    !Number.isNaN(value instanceof Date ? value.getTime() : typeof value === 'number' ? value : Number.NaN),
);

/** What {@link SelectorKey} accepts. */
export const selectorKeyOptions = {
  selector: required(text('a selector')),
  privateKey: required(privateKeyRow),
  passphrase: passphraseRow,
  validFrom: momentRow,
  validUntil: momentRow,
} satisfies OptionTable<SelectorKey>;

/** All keys of {@link SignOptions}; {@link planSignature} checks which of them go together. */
export interface SignOptionKeys extends SignatureSettings, Partial<SelectorKey> {
  readonly keys?: readonly SelectorKey[] | undefined;
}

// RFC 5322 §2.2 without `;`, which is not allowed in h= (RFC 6376 §3.5).
const fieldNameRow = text('a header field name', { pattern: /^[\x21-\x39\x3c-\x7e]{1,200}$/ });

/** What {@link SignOptions} accepts. */
export const signOptions = {
  ...selectorKeyOptions,
  selector: text('a selector'),
  privateKey: privateKeyRow,
  keys: list(group<SelectorKey>(selectorKeyOptions), 1),
  domain: required(text('a domain')),
  canonicalization: word(['relaxed/relaxed', 'relaxed/simple', 'simple/relaxed', 'simple/simple'], {
    default: 'relaxed/relaxed',
  }),
  headers: list(fieldNameRow),
  oversign: list(fieldNameRow),
  identity: text('"user@domain" or "@domain"'),
  expiresAfterSeconds: integer(1, 10 ** 11, { unit: 'seconds' }),
  timestamp: flag({ default: true }),
  bodyLength: either(integer(0, Number.MAX_SAFE_INTEGER, { unit: 'octets' }), literal('whole')),
  queryMethod: word(['dns/txt']),
  copyHeaders: list(fieldNameRow),
  selfCheck: group<SelfCheckOptions>(selfCheckOptions),
  now: callback<() => number>(),
} satisfies OptionTable<SignOptionKeys>;

type ReadSignOptions = OptionsRead<SignOptionKeys, typeof signOptions>;

/**
 * Checks options and parses keys.
 *
 * @param where  The public function that was called and its parameter.
 * @throws {DkimError} MB_DKIM_OPTION and the MB_DKIM_KEY_… codes of {@link loadSigningKey}.
 */
export function planSignature(given: SignOptions, where: string): SignaturePlan {
  const options: ReadSignOptions = readOptions(given as SignOptionKeys, signOptions, where);
  const domain = toAscii(options.domain, 'domain');
  const { canonicalization, selfCheck } = options;
  const [header, body] = canonicalization.split('/') as [Canonicalization, Canonicalization];
  const oversign = lowerCase(options.oversign ?? defaultOversign);
  const headers = lowerCase(options.headers ?? defaultHeaders);
  return {
    domain,
    keys: planKeys(options, where),
    canonicalization,
    header,
    body,
    headers: [...new Set(['from', ...headers, ...oversign])],
    oversign: new Set(oversign),
    identity: options.identity === undefined ? undefined : formatIdentity(options.identity, domain),
    expiresAfterSeconds: options.expiresAfterSeconds,
    timestamp: options.timestamp,
    bodyLength: options.bodyLength,
    queryMethod: options.queryMethod,
    copyHeaders: lowerCase(options.copyHeaders ?? []),
    selfCheck:
      selfCheck && new SelfCheck(selfCheck as OptionsRead<SelfCheckOptions, typeof selfCheckOptions>),
    now: options.now ?? Date.now,
  };
}

/**
 * Selects the key to use at a time: of the valid keys, the one whose validity began last.
 *
 * @throws {DkimError} MB_DKIM_KEY_WINDOW.
 */
export function keyAt(plan: SignaturePlan, nowMs: number): PlannedKey {
  let chosen: PlannedKey | undefined;
  for (const key of plan.keys) {
    if (!covers(key, nowMs)) continue;
    if (chosen === undefined || key.from > chosen.from) chosen = key;
  }
  if (chosen !== undefined) return chosen;
  throw new DkimError(
    'MB_DKIM_KEY_WINDOW',
    `No key for ${plan.domain} is valid at this time; add one, or widen validFrom and validUntil.`,
  );
}

/**
 * Whether a key may be used at a time: from `validFrom` on, and before `validUntil`.
 *
 * @param key  A key of `keys` in {@link SignOptions}.
 * @param atMs  Epoch milliseconds.
 * @throws {DkimError} MB_DKIM_OPTION.
 * @example keys.filter((key) => isKeyValid(key, Date.now()))
 */
export function isKeyValid(key: Pick<SelectorKey, 'validFrom' | 'validUntil'>, atMs: number): boolean {
  if (typeof key !== 'object' || key === null) throw optionError('isKeyValid: key must be an object.');
  if (typeof atMs !== 'number' || Number.isNaN(atMs)) {
    throw optionError('isKeyValid: atMs must be epoch milliseconds.');
  }
  return covers(windowOf(key), atMs);
}

/** The time in which a key may be used, in epoch milliseconds. */
type KeyWindow = Pick<PlannedKey, 'from' | 'until'>;

function covers({ from, until }: KeyWindow, atMs: number): boolean {
  return from <= atMs && atMs < until;
}

function windowOf({ validFrom, validUntil }: Pick<SelectorKey, 'validFrom' | 'validUntil'>): KeyWindow {
  const from = validFrom === undefined ? Number.NEGATIVE_INFINITY : Number(validFrom);
  const until = validUntil === undefined ? Number.POSITIVE_INFINITY : Number(validUntil);
  // Also false if one of them is not a date.
  if (!(from < until)) {
    throw optionError('validFrom must be before validUntil, each a Date or epoch milliseconds.');
  }
  return { from, until };
}

function planKeys(options: ReadSignOptions, where: string): PlannedKey[] {
  const { keys } = options;
  if (keys === undefined) return [planKey(readOptions(ownKey(options), selectorKeyOptions, where))];
  if (Object.keys(selectorKeyOptions).some((name) => name in options)) {
    throw optionError(`${where}: give either keys, or selector and privateKey, not both.`);
  }
  return keys.map(planKey);
}

function ownKey({ selector, privateKey, passphrase, validFrom, validUntil }: ReadSignOptions): SelectorKey {
  return { selector, privateKey, passphrase, validFrom, validUntil } as SelectorKey;
}

function planKey(key: SelectorKey): PlannedKey {
  return {
    selector: toAscii(key.selector, 'selector'),
    ...windowOf(key),
    ...loadSigningKey(key.privateKey, key.passphrase),
  };
}

function lowerCase(names: readonly string[]): string[] {
  return names.map((name) => name.toLowerCase());
}

const maxLocalPartLength = 512;

function formatIdentity(identity: string, domain: string): string {
  const at = identity.lastIndexOf('@');
  if (at < 0) throw new DkimError('MB_DKIM_OPTION', 'identity must be "user@domain" or "@domain".');
  // A line break would add a header field.
  if (/[\r\n\0]/.test(identity)) {
    throw new DkimError('MB_DKIM_OPTION', 'identity must not have line breaks or NUL.');
  }
  const identityDomain = toAscii(identity.slice(at + 1), 'identity');
  // RFC 6376 §3.5: the domain of i= MUST be the same as d= or a subdomain of it.
  if (!isSameOrSubdomain(identityDomain, domain)) {
    throw new DkimError('MB_DKIM_OPTION', `identity must be in ${domain} or a subdomain of it.`);
  }
  const localPart = encodeDkimQuotedPrintable(Buffer.from(identity.slice(0, at)));
  // i= cannot be folded, and a line has at most 998 octets (RFC 5322 §2.1.1).
  if (localPart.length > maxLocalPartLength) {
    throw new DkimError(
      'MB_DKIM_OPTION',
      `identity must have at most ${maxLocalPartLength} octets before the @.`,
    );
  }
  return `${localPart}@${identityDomain}`;
}
