import { type RecipientState, recipientStates, type Selector, type SelectorConditions } from '@mb/broker';
import { domainToAscii } from '@mb/mime';
import { type Command, Option } from 'commander';
import { CliError } from '../errors.ts';

/** Flags that choose recipients. */
export interface SelectorFlags {
  readonly domain?: string;
  readonly site?: string;
  readonly state?: RecipientState;
  /** False: messages without a tenant. */
  readonly tenant?: string | false;
  readonly tag?: string;
  readonly all?: true;
}

/** Adds the flags of `SelectorFlags`. */
export function addSelectorFlags(command: Command): Command {
  return command
    .addOption(new Option('--state <state>', 'recipients in this state').choices(recipientStates))
    .option('--domain <domain>', 'recipients of this domain')
    .option('--site <site>', 'recipients of this destination, as "mb queue stats" names it')
    .option('--tenant <name>', "this tenant's recipients")
    .option('--no-tenant', 'recipients of messages without a tenant')
    .option('--tag <word>', 'recipients of messages with this tag');
}

/** One selector per named message, or one for all messages; without any condition it selects everything. */
export function readSelectors(messageIds: readonly string[], flags: SelectorFlags): Selector[] {
  const { domain, site, state, tenant, tag } = flags;
  const common: SelectorConditions = {
    ...(domain !== undefined && { domain: domainToAscii(domain) }),
    ...(site !== undefined && { site }),
    ...(state !== undefined && { state }),
    ...(tenant !== undefined && { tenant: tenant === false ? null : tenant }),
    ...(tag !== undefined && { tag }),
  };
  if (messageIds.length > 0) return messageIds.map((messageId) => ({ ...common, messageId }));
  return [Object.keys(common).length === 0 ? { all: true } : (common as Selector)];
}

/** Like {@link readSelectors}, but requires `--all` to select everything, in case an argument was forgotten. */
export function requireSelectors(messageIds: readonly string[], flags: SelectorFlags): Selector[] {
  const selectors = readSelectors(messageIds, flags);
  const everything = selectors.some((selector) => selector.all);
  if (everything === (flags.all ?? false)) return selectors;
  throw new CliError(
    'MB_CLI_USAGE',
    everything
      ? 'No recipients are selected. Name messages, select by --domain, --site, --state, --tenant or --tag, or give --all.'
      : '--all selects every recipient and cannot be combined with other selections.',
  );
}
