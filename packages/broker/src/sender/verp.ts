import { createHmac, timingSafeEqual } from 'node:crypto';
import { optionError } from '../errors.ts';
import { checkText, type OptionTable, readOptions, required, text } from '../option-table.ts';
import { parseRecipientId, type RecipientId } from '../store/port.ts';

/** Variable envelope return paths: every recipient's mail gets a return path of its own, so that a bounce names it. */
export interface VerpOptions {
  /** A mailbox whose `+tag` addresses come back to the application, such as `bounces@example.com`. */
  readonly address: string;
  /** Keeps strangers from making up bounces; at least 16 characters, the same on all workers. */
  readonly secret: string;
}

/** What `VerpOptions` accepts. */
export const verpOptions = {
  address: required(text('a mailbox such as "bounces@example.com"', { pattern: /.@./s })),
  secret: required(text('a string of at least 16 characters', { pattern: /^.{16}/s })),
} satisfies OptionTable<VerpOptions>;

/** Octets of the code that proves a return path to be ours. */
const codeBytes = 8;
const codePattern = /^[0-9a-f]{16}$/;

/**
 * The return path for one recipient.
 *
 * @example
 * formatVerp({ address: 'bounces@example.com', secret }, '17.0') // 'bounces+17.0-5f2a…@example.com'
 */
export function formatVerp(options: VerpOptions, recipientId: RecipientId): string {
  const { address, secret } = readOptions<VerpOptions, typeof verpOptions>(
    options,
    verpOptions,
    'formatVerp: options',
  );
  if (typeof recipientId !== 'string' || !parseRecipientId(recipientId)) {
    throw optionError('formatVerp: recipientId must be the id of a recipient, such as "17.0".');
  }
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at)}+${recipientId}-${codeOf(recipientId, secret).toString('hex')}${address.slice(at)}`;
}

/**
 * The recipient that a return path names; undefined for another address, and for one that was tampered with.
 *
 * Local parts are compared without regard to case, since some hosts change it on the way.
 */
export function parseVerp(options: VerpOptions, returnPath: string): RecipientId | undefined {
  const { address, secret } = readOptions<VerpOptions, typeof verpOptions>(
    options,
    verpOptions,
    'parseVerp: options',
  );
  const at = address.lastIndexOf('@');
  const front = `${address.slice(0, at)}+`.toLowerCase();
  const back = address.slice(at).toLowerCase();
  const path = checkText(returnPath, 'parseVerp: returnPath').toLowerCase();
  if (!path.startsWith(front) || !path.endsWith(back)) return undefined;
  const tag = path.slice(front.length, path.length - back.length);
  const dash = tag.lastIndexOf('-');
  const recipientId = tag.slice(0, Math.max(dash, 0));
  // Buffer.from() ends at the first character that is no hexadecimal digit, and says nothing.
  if (!parseRecipientId(recipientId) || !codePattern.test(tag.slice(dash + 1))) return undefined;
  const code = Buffer.from(tag.slice(dash + 1), 'hex');
  return timingSafeEqual(code, codeOf(recipientId, secret)) ? recipientId : undefined;
}

/**
 * The recipient that a return path claims to stand for, which any sender may have made up: {@link parseVerp} proves the claim with the
 * options of the recipient's sender, which are found by this id.
 */
export function claimedRecipientId(returnPath: string): RecipientId | undefined {
  const recipientId = /\+([\w.]+)-[0-9a-f]{16}@[^@]*$/i.exec(returnPath)?.[1]?.toLowerCase();
  return recipientId !== undefined && parseRecipientId(recipientId) ? recipientId : undefined;
}

function codeOf(recipientId: RecipientId, secret: string): Buffer {
  return createHmac('sha256', secret).update(recipientId.toLowerCase()).digest().subarray(0, codeBytes);
}
