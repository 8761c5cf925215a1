import type { RecipientState, Selector } from '@mb/broker';
import { domainToAscii } from '@mb/mime';
import { type Command, Option } from 'commander';
import { CliError } from '../errors.ts';

/** Flags that choose recipients. */
export interface SelectorFlags {
  readonly domain?: string;
  readonly site?: string;
  readonly state?: RecipientState;
  readonly tenant?: string;
  readonly tag?: string;
  readonly all?: true;
}

const STATES: readonly RecipientState[] = [
  'queued',
  'held',
  'unknown',
  'delivered',
  'failed',
  'expired',
  'cancelled',
];

/** Adds the flags of `SelectorFlags`. */
export function addSelectorFlags(command: Command): Command {
  return command
    .addOption(new Option('--state <state>', 'recipients that stand so').choices(STATES))
    .option('--domain <domain>', 'recipients of this domain')
    .option('--site <site>', 'recipients of this destination, as "mb queue stats" names it')
    .option('--tenant <name>', "this tenant's recipients")
    .option('--tag <word>', 'recipients of messages with this tag');
}

/** One selector for each message named, or one for all; `{}` chooses everything. */
export function readSelectors(messageIds: readonly string[], flags: SelectorFlags): Selector[] {
  const { domain, site, state, tenant, tag } = flags;
  const common: Selector = {
    ...(domain !== undefined && { domain: domainToAscii(domain) }),
    ...(site !== undefined && { site }),
    ...(state !== undefined && { state }),
    ...(tenant !== undefined && { tenant }),
    ...(tag !== undefined && { tag }),
  };
  return messageIds.length === 0 ? [common] : messageIds.map((messageId) => ({ ...common, messageId }));
}

/** Likewise, but nobody changes a whole queue by forgetting an argument. */
export function requireSelectors(messageIds: readonly string[], flags: SelectorFlags): Selector[] {
  const selectors = readSelectors(messageIds, flags);
  const everything = selectors.some((selector) => Object.keys(selector).length === 0);
  if (everything === (flags.all ?? false)) return selectors;
  throw new CliError(
    'MB_CLI_USAGE',
    everything
      ? 'Which recipients? Name messages, choose by --domain, --site, --state, --tenant or --tag, or say --all.'
      : '--all chooses everything; leave it out to choose some.',
  );
}
