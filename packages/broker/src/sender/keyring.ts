import {
  checkPublishedKey,
  createSigner,
  DkimError,
  type DkimSigner,
  type ExternalKey,
  isKeyValid,
  type PrivateKeyInput,
  type SelectorKey,
  type SignOptions,
} from '@mb/dkim';
import { type Resolver, toNodeDns } from '@mb/dns';
import { domainToAscii } from '@mb/mime';
import type { Clock } from '../clock.ts';
import { BrokerError } from '../errors.ts';
import { TimedCalls } from '../timed-calls.ts';
import { obtain } from './obtain.ts';

/**
 * What is done about a key whose public half is not published as it should be, which makes every signature fail.
 *
 * - `warn`: checked once, when the key is first used, beside the delivery; said as a process warning. The default.
 * - `refuse`: every signature is verified against the published record before the message goes out; a message that
 *   would fail is not sent (DkimError MB_DKIM_SELF_CHECK_MISMATCH; MB_DKIM_SELF_CHECK_DNS while DNS does not answer).
 * - `off`: not checked.
 */
export type KeyCheck = 'warn' | 'refuse' | 'off';

/**
 * Gives the keys for messages whose From has this domain, so that keys change without a restart. It is asked for each
 * message; return the same object while nothing changes, since parsed keys are kept with it.
 *
 * What it throws, a promise that rejects or takes longer than 10 seconds, and a result without a key for the domain are
 * trouble of our own: the message is tried again later and never goes out unsigned.
 */
export type KeySource = (
  authorDomain: string,
) => SignOptions | readonly SignOptions[] | Promise<SignOptions | readonly SignOptions[]>;

/**
 * Keys to sign with: one or several, or where to get them.
 *
 * A key that is held elsewhere has 10 seconds for a signature. One that takes longer fails with DkimError
 * MB_DKIM_KEY_CALLBACK, which is retryable: queued messages wait. For the next 30 seconds it is not asked.
 */
export type DkimKeys = SignOptions | readonly SignOptions[] | KeySource;

/** The DKIM keys of all sender domains, each parsed once. */
export interface Keyring {
  /**
   * The signer for messages whose From has this domain; undefined when no key was configured at all.
   *
   * @throws {BrokerError} MB_BROKER_NO_SIGNING_KEY: there are keys, but none that DMARC would align with it;
   *   MB_BROKER_PROFILE_FAILED when a {@link KeySource} does not give one.
   */
  signerFor(fromDomain: string, signal?: AbortSignal): DkimSigner | undefined | Promise<DkimSigner>;
  /**
   * Throws MB_BROKER_NO_SIGNING_KEY when it is known already that there will be no key for this domain.
   *
   * @returns whether messages of this domain will be signed.
   */
  check(fromDomain: string): boolean;
}

/** What a keyring takes from its broker. */
export interface KeyringOptions {
  readonly check: KeyCheck;
  readonly resolver: Resolver;
  readonly clock: Clock;
  /** Called with a sentence about each key that is not published as it should be. */
  readonly onWarning: (warning: string) => void;
}

/**
 * Parses the keys; those of one domain all sign, side by side (an RSA and an Ed25519 key, for example).
 *
 * @throws {DkimError} for a key that cannot sign.
 */
export function createKeyring(given: DkimKeys | undefined, options: KeyringOptions): Keyring {
  return typeof given === 'function' ? keyringOfSource(given, options) : keyringOfList(given, options);
}

function keyringOfSource(source: KeySource, options: KeyringOptions): Keyring {
  const keyrings = new WeakMap<object, Keyring>();
  const checked = new Set<string>();
  return {
    signerFor: (fromDomain, signal) =>
      obtain(
        `DKIM keys for ${fromDomain}`,
        () => source(fromDomain),
        (given) => {
          if (typeof given !== 'object' || given === null || (Array.isArray(given) && given.length === 0)) {
            throw new TypeError('the dkim function gave no key.');
          }
          const keyring = keyrings.get(given) ?? keyringOfList(given, options, checked);
          keyrings.set(given, keyring);
          return keyring.signerFor(fromDomain) as DkimSigner;
        },
        { clock: options.clock, signal },
      ),
    check: () => true,
  };
}

/** @param checked  Keys whose publication was checked before; grows. */
function keyringOfList(
  given: SignOptions | readonly SignOptions[] | undefined,
  { check, resolver, clock, onWarning }: KeyringOptions,
  checked = new Set<string>(),
): Keyring {
  const list = listOf(given).map((option) => withTimedKeys(option, clock));
  const resolveTxt = (name: string) => toNodeDns(resolver).resolveTxt(name);
  const byDomain = keysByDomain(list, check === 'refuse' ? { resolveTxt } : undefined);
  const signers = new Map([...byDomain].map(([domain, keys]) => [domain, createSigner(keys)] as const));
  const unchecked = new Set(check === 'warn' ? signers.keys() : []);

  /** Runs beside the delivery: a slow lookup delays no mail. */
  function checkOnce(domain: string): void {
    if (!unchecked.delete(domain)) return;
    for (const option of byDomain.get(domain)!) {
      for (const key of keysInUse(option)) {
        const { selector, privateKey, passphrase } = key;
        const name = `${selector}._domainkey.${domain}`;
        if (checked.has(name)) continue;
        checked.add(name);
        checkPublishedKey({
          domain,
          selector,
          privateKey,
          ...(passphrase !== undefined && { passphrase }),
          resolveTxt,
        })
          .then(({ status, dnsName, detail }) => {
            if (status !== 'match' && status !== 'unknown') onWarning(`DKIM key ${dnsName}: ${detail}`);
          })
          .catch(() => {});
      }
    }
  }

  function signerFor(fromDomain: string): DkimSigner | undefined {
    if (signers.size === 0) return undefined;
    const domain = domainToAscii(fromDomain);
    // RFC 7489 §3.1.1: the signing domain is that of From or, relaxed, one above it; the nearest is the strictest.
    for (let name = domain; ; name = name.slice(name.indexOf('.') + 1)) {
      const signer = signers.get(name);
      if (signer) {
        checkOnce(name);
        return signer;
      }
      if (!name.includes('.')) break;
    }
    throw new BrokerError(
      'MB_BROKER_NO_SIGNING_KEY',
      'api-misuse',
      `There is no DKIM key for ${domain}, the domain of From; add one to the dkim option, or send from one of: ${[...signers.keys()].join(', ')}.`,
    );
  }

  return { signerFor, check: (fromDomain) => signerFor(fromDomain) !== undefined };
}

/** The option with a time limit for each key that is held elsewhere: one that is silent must hold up no other mail. */
function withTimedKeys(option: SignOptions, clock: Clock): SignOptions {
  const { domain, keys } = option;
  if (!keys) return { ...option, privateKey: timedKey(option, domain, clock) };
  return { ...option, keys: keys.map((key) => ({ ...key, privateKey: timedKey(key, domain, clock) })) };
}

function timedKey({ privateKey, selector }: SelectorKey, domain: string, clock: Clock): PrivateKeyInput {
  if (!isExternal(privateKey)) return privateKey;
  const name = `${selector}._domainkey.${domain}`;
  const calls = new TimedCalls(clock);
  const { algorithm, publicKey } = privateKey;
  return {
    algorithm,
    publicKey,
    async sign(data, options) {
      try {
        return await calls.call('sign()', () => privateKey.sign(data, options));
      } catch (cause) {
        const said = cause instanceof Error ? cause.message : String(cause);
        throw new DkimError('MB_DKIM_KEY_CALLBACK', `The key ${name} did not sign: ${said}`, {
          kind: 'rejected',
          retryable: true,
          cause,
        });
      }
    },
  };
}

function isExternal(key: PrivateKeyInput): key is ExternalKey {
  return typeof key === 'object' && key !== null && 'sign' in key && typeof key.sign === 'function';
}

/** @param selfCheck  For keys that have no check of their own; undefined: they are not checked. */
function keysByDomain(
  list: readonly SignOptions[],
  selfCheck: NonNullable<SignOptions['selfCheck']> | undefined,
): ReadonlyMap<string, readonly SignOptions[]> {
  const byDomain = new Map<string, SignOptions[]>();
  for (const option of list) {
    const domain = domainToAscii(option.domain);
    // A value that is undefined counts as not given: it must not switch the check off.
    const checked = selfCheck ? { ...option, selfCheck: option.selfCheck ?? selfCheck } : option;
    byDomain.set(domain, [...(byDomain.get(domain) ?? []), checked]);
  }
  return byDomain;
}

function listOf(given: SignOptions | readonly SignOptions[] | undefined): readonly SignOptions[] {
  if (given === undefined) return [];
  return Array.isArray(given) ? given : [given as SignOptions];
}

/**
 * Parses keys without using them, so that a wrong one is found when a program starts.
 *
 * @throws {DkimError} for a key that cannot sign.
 */
export function checkKeys(given: DkimKeys | undefined): void {
  if (typeof given !== 'function') for (const key of listOf(given)) createSigner([key]);
}

function keysInUse(option: SignOptions): readonly SelectorKey[] {
  const now = (option.now ?? Date.now)();
  const keys = option.keys ?? [option];
  return keys.filter((key) => isKeyValid(key, now));
}
