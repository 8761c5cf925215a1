import type { Canonicalization } from './canon/body.ts';
import { isSameOrSubdomain, toAscii } from './domain-name.ts';
import { DkimError } from './errors.ts';
import { defaultHeaders, defaultOversign } from './field-selection.ts';
import { loadSigningKey, type PrivateKeyInput, type SigningKey } from './keys.ts';
import { refuseUnknownKeys, requireInteger } from './options.ts';
import { SelfCheck, type SelfCheckOptions } from './self-check.ts';
import { encodeDkimQuotedPrintable } from './signature-field.ts';

/** `header/body` canonicalisation, as in the `c=` tag. */
export type CanonicalizationPair = `${Canonicalization}/${Canonicalization}`;

/** A key under its selector, with the time in which the signer may use it. */
export interface SelectorKey {
  /** Selector: the key is published at `<selector>._domainkey.<domain>`. */
  readonly selector: string;
  /** PEM, DER, KeyObject, or a key held elsewhere. */
  readonly privateKey: PrivateKeyInput;
  /** Opens an encrypted PEM. */
  readonly passphrase?: string | Uint8Array;
  /** First moment of use (Date or epoch ms). Default: always. */
  readonly validFrom?: Date | number;
  /** First moment of no more use (Date or epoch ms). Default: never. Keep the record published for some days longer. */
  readonly validUntil?: Date | number;
}

/** What a signature says and covers; all but `domain` and the key have defaults. */
export interface SignatureSettings {
  /** Signing domain, `d=`; U-labels are converted to A-labels. */
  readonly domain: string;
  /** Header and body canonicalisation. Default `relaxed/relaxed`. */
  readonly canonicalization?: CanonicalizationPair;
  /** Field names that are signed where they occur. From is always added. Default {@link defaultHeaders}. */
  readonly headers?: readonly string[];
  /** Field names that are signed once more than they occur, so that none can be added. Default {@link defaultOversign}; `[]` for none. */
  readonly oversign?: readonly string[];
  /** `i=`: the user or agent, `user@sub.example.com` or `@example.com`, in `domain` or below. Default: no tag. */
  readonly identity?: string;
  /** `x=`: seconds after signing from which verifiers may refuse the signature. Default: no tag. */
  readonly expiresAfterSeconds?: number;
  /** `t=`: time of signing. Default true. */
  readonly timestamp?: boolean;
  /** `l=`: sign only so many octets of the canonical body, or `whole` for its whole length.
   *  Danger: anybody can append content to the message and the signature still verifies. Default: no tag.
   */
  readonly bodyLength?: number | 'whole';
  /** `q=dns/txt`. Default: no tag, which means the same. */
  readonly queryMethod?: 'dns/txt';
  /** `z=`: field names whose values are copied into the signature for diagnosis. Danger: the copies show what a relay may have removed. Default: no tag. */
  readonly copyHeaders?: readonly string[];
  /** Verifies each signature against the published record before it is given away; a failure throws. Default: no check. */
  readonly selfCheck?: SelfCheckOptions;
  /** Current time in epoch ms. Default `Date.now`. */
  readonly now?: () => number;
}

/** One signature: its settings with one key, or with several of which the date picks one. */
export type SignOptions = SignatureSettings &
  (
    | (SelectorKey & { readonly keys?: never })
    | { readonly keys: readonly SelectorKey[]; readonly selector?: never; readonly privateKey?: never }
  );

/** A parsed key with its window in epoch ms. */
export interface PlannedKey extends SigningKey {
  readonly selector: string;
  readonly from: number;
  readonly until: number;
}

/** SignOptions checked once, in the form that signing needs. */
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

const keyOptionNames = ['selector', 'privateKey', 'passphrase', 'validFrom', 'validUntil'];
const keyOptions = new Set(keyOptionNames);
const signOptions = new Set([
  'domain',
  ...keyOptionNames,
  'keys',
  'canonicalization',
  'headers',
  'oversign',
  'identity',
  'expiresAfterSeconds',
  'timestamp',
  'bodyLength',
  'queryMethod',
  'copyHeaders',
  'selfCheck',
  'now',
]);
const pairs: ReadonlySet<string> = new Set([
  'simple/simple',
  'simple/relaxed',
  'relaxed/simple',
  'relaxed/relaxed',
]);

/** Checks options and parses keys.
 *
 *  @throws {DkimError} MB_DKIM_OPTION and the MB_DKIM_KEY_… codes of {@link loadSigningKey}.
 */
export function planSignature(options: SignOptions): SignaturePlan {
  refuseUnknownKeys(options, signOptions, 'DKIM signing');
  const domain = toAscii(options.domain, 'domain');
  const canonicalization = options.canonicalization ?? 'relaxed/relaxed';
  if (!pairs.has(canonicalization)) {
    throw new DkimError('MB_DKIM_OPTION', `canonicalization must be one of ${[...pairs].join(', ')}.`);
  }
  const [header, body] = canonicalization.split('/') as [Canonicalization, Canonicalization];
  const oversign = fieldNames(options.oversign ?? defaultOversign, 'oversign');
  const headers = fieldNames(options.headers ?? defaultHeaders, 'headers');
  const { expiresAfterSeconds, bodyLength, queryMethod } = options;
  if (expiresAfterSeconds !== undefined)
    requireInteger(expiresAfterSeconds, 'expiresAfterSeconds', 1, 10 ** 11);
  if (bodyLength !== undefined && bodyLength !== 'whole') requireInteger(bodyLength, 'bodyLength', 0);
  if (queryMethod !== undefined && queryMethod !== 'dns/txt') {
    throw new DkimError('MB_DKIM_OPTION', 'queryMethod must be "dns/txt", the only one there is.');
  }
  return {
    domain,
    keys: planKeys(options),
    canonicalization,
    header,
    body,
    headers: [...new Set(['from', ...headers, ...oversign])],
    oversign: new Set(oversign),
    identity: options.identity === undefined ? undefined : formatIdentity(options.identity, domain),
    expiresAfterSeconds,
    timestamp: options.timestamp ?? true,
    bodyLength,
    queryMethod,
    copyHeaders: fieldNames(options.copyHeaders ?? [], 'copyHeaders'),
    selfCheck: options.selfCheck && new SelfCheck(options.selfCheck),
    now: options.now ?? Date.now,
  };
}

/** The key to use at a moment: of those in their window, the one whose window began last.
 *
 *  @throws {DkimError} MB_DKIM_KEY_WINDOW.
 */
export function keyAt(plan: SignaturePlan, nowMs: number): PlannedKey {
  let chosen: PlannedKey | undefined;
  for (const key of plan.keys) {
    if (nowMs < key.from || nowMs >= key.until) continue;
    if (chosen === undefined || key.from > chosen.from) chosen = key;
  }
  if (chosen !== undefined) return chosen;
  throw new DkimError(
    'MB_DKIM_KEY_WINDOW',
    `No key for ${plan.domain} is valid at this time; add one, or widen validFrom and validUntil.`,
  );
}

function planKeys(options: SignOptions): PlannedKey[] {
  if (options.keys === undefined) return [planKey(options)];
  if (keyOptionNames.some((name) => name in options)) {
    throw new DkimError('MB_DKIM_OPTION', 'Give either keys, or selector and privateKey, not both.');
  }
  if (!Array.isArray(options.keys) || options.keys.length === 0) {
    throw new DkimError('MB_DKIM_OPTION', 'keys must be a list of at least one key.');
  }
  return options.keys.map((key: SelectorKey) => {
    refuseUnknownKeys(key, keyOptions, 'DKIM key');
    return planKey(key);
  });
}

function planKey(key: SelectorKey): PlannedKey {
  const from = key.validFrom === undefined ? Number.NEGATIVE_INFINITY : Number(key.validFrom);
  const until = key.validUntil === undefined ? Number.POSITIVE_INFINITY : Number(key.validUntil);
  // Also false where one of them is no date at all.
  if (!(from < until)) {
    throw new DkimError(
      'MB_DKIM_OPTION',
      'validFrom must be before validUntil, each a Date or epoch milliseconds.',
    );
  }
  return {
    selector: toAscii(key.selector, 'selector'),
    from,
    until,
    ...loadSigningKey(key.privateKey, key.passphrase),
  };
}

function fieldNames(names: readonly string[], option: string): string[] {
  if (!Array.isArray(names))
    throw new DkimError('MB_DKIM_OPTION', `${option} must be a list of field names.`);
  return names.map((name: unknown) => {
    // RFC 5322 §2.2 without `;`, which cannot stand in h= (RFC 6376 §3.5).
    if (typeof name === 'string' && /^[\x21-\x39\x3c-\x7e]+$/.test(name)) return name.toLowerCase();
    throw new DkimError('MB_DKIM_OPTION', `${option} holds something that is no header field name.`);
  });
}

function formatIdentity(identity: string, domain: string): string {
  const at = typeof identity === 'string' ? identity.lastIndexOf('@') : -1;
  if (at < 0) throw new DkimError('MB_DKIM_OPTION', 'identity must be "user@domain" or "@domain".');
  // A line break in a local part is an attack or an accident, never an address.
  if (/[\r\n\0]/.test(identity)) {
    throw new DkimError('MB_DKIM_OPTION', 'identity must not hold line breaks or NUL.');
  }
  const identityDomain = toAscii(identity.slice(at + 1), 'identity');
  // RFC 6376 §3.5: the domain of i= MUST be the same as d= or a subdomain of it.
  if (!isSameOrSubdomain(identityDomain, domain)) {
    throw new DkimError('MB_DKIM_OPTION', `identity must lie in ${domain} or a subdomain of it.`);
  }
  return `${encodeDkimQuotedPrintable(Buffer.from(identity.slice(0, at)))}@${identityDomain}`;
}
