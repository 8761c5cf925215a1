import { DkimError } from './errors.ts';
import { type KeyLookup, lookupKeys, type ResolveTxt } from './key-lookup.ts';
import { callback, integer, type OptionsRead, type OptionTable, required } from './option-table.ts';
import { parseSignature } from './signature.ts';
import { checkSignature } from './signature-check.ts';
import { signatureInput, withoutSignature } from './signature-input.ts';
import { SignedHeader } from './signed-header.ts';
import { permerror, type Verdict } from './verdict.ts';

/** How a signer verifies its own signatures before it returns them. */
export interface SelfCheckOptions {
  /** Looks up TXT records: `resolveTxt` of node:dns/promises, or a function with the same signature. */
  readonly resolveTxt: ResolveTxt;
  /** How long a record is cached, in seconds. Default 300. */
  readonly cacheSeconds?: number | undefined;
  /** Timeout of a lookup in ms. Default 10,000. */
  readonly lookupTimeoutMs?: number | undefined;
}

/** What {@link SelfCheckOptions} accepts. */
export const selfCheckOptions = {
  resolveTxt: required(callback<ResolveTxt>()),
  cacheSeconds: integer(0, 86_400, { default: 300, unit: 'seconds' }),
  lookupTimeoutMs: integer(1, 600_000, { default: 10_000, unit: 'ms' }),
} satisfies OptionTable<SelfCheckOptions>;

/** Verifies new signatures against the published record, with the code of the verifier. */
export class SelfCheck {
  readonly #resolveTxt: ResolveTxt;
  readonly #cacheMs: number;
  readonly #timeoutMs: number;
  readonly #lookups = new Map<string, { readonly lookup: KeyLookup; readonly untilMs: number }>();

  /** @param options  Options read with {@link selfCheckOptions}. */
  constructor(options: OptionsRead<SelfCheckOptions, typeof selfCheckOptions>) {
    this.#resolveTxt = options.resolveTxt;
    this.#cacheMs = options.cacheSeconds * 1000;
    this.#timeoutMs = options.lookupTimeoutMs;
  }

  /**
   * Verifies a signature field over a header and a body hash.
   *
   * @throws {DkimError} MB_DKIM_SELF_CHECK_MISMATCH, MB_DKIM_SELF_CHECK_DNS.
   */
  async confirm(field: string, header: Uint8Array, bodyHash: Uint8Array, nowMs: number): Promise<void> {
    const message = new SignedHeader(Buffer.concat([Buffer.from(field, 'latin1'), header]));
    const own = message.fields[0]!;
    const { signature, problem } = parseSignature(message.value(own));
    if (signature === undefined) throw refusal(problem!, 'its field');
    const name = `${signature.selector}._domainkey.${signature.domain}`;
    if (!signature.bodyHash.equals(bodyHash))
      throw refusal(permerror('body-hash-mismatch', 'Its body hash differs.'), name);
    const octets = message.octets;
    const data = signatureInput(
      [...message.select(signature.headers, own)].map((one) => ({ octets, field: one })),
      withoutSignature({ octets, field: own }),
      signature.header,
    );
    const verdict = await checkSignature(signature, data, await this.#lookUp(name, nowMs), {
      nowMs,
      minRsaBits: 1024,
    });
    if (verdict.status !== 'pass') throw refusal(verdict, name);
  }

  async #lookUp(name: string, nowMs: number): Promise<KeyLookup> {
    const cached = this.#lookups.get(name);
    if (cached !== undefined && nowMs < cached.untilMs) return cached.lookup;
    const lookup = await lookupKeys(name, this.#resolveTxt, this.#timeoutMs);
    if (lookup.keys.length > 0) this.#lookups.set(name, { lookup, untilMs: nowMs + this.#cacheMs });
    return lookup;
  }
}

function refusal({ status, reason, detail }: Verdict, name: string): DkimError {
  const temporary = status === 'temperror';
  return new DkimError(
    temporary ? 'MB_DKIM_SELF_CHECK_DNS' : 'MB_DKIM_SELF_CHECK_MISMATCH',
    `The new signature does not verify with ${name} (${reason}): ${detail}`,
    { kind: temporary ? 'network' : 'rejected', retryable: temporary },
  );
}
