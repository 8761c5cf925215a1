import { MailQueue } from '@mb/broker';
import type { ApiKeys, NewApiKey, Scope } from '@mb/server';
import { Command, Option } from 'commander';
import { CliError } from '../errors.ts';
import { allRows } from '../every-row.ts';
import { notice, print, printJson } from '../output.ts';
import { parseMoment, parseWords, wholeNumber } from '../parse-flag.ts';
import { confirm } from '../queue/confirm.ts';
import { type StoreAccess, withStore } from '../queue/store.ts';
import { type StoreFlags, storeFlag } from '../queue/store-flag.ts';
import { serverClient } from '../remote/api.ts';
import { remoteKeys } from '../remote/remote-keys.ts';
import { type ServerFlags, serverFlag } from '../remote/server-flag.ts';
import { formatTable } from '../table.ts';

/** The operations on keys, in a queue opened by this process or through the API of a server. */
type KeyAccess = Pick<ApiKeys, 'create' | 'list' | 'get' | 'revoke'>;

interface NewKeyFlags extends StoreFlags, ServerFlags {
  readonly name: string;
  readonly scope: readonly string[];
  readonly tenant?: string;
  readonly senderDomain?: readonly string[];
  readonly expires?: Date;
  readonly rate?: number;
  readonly json?: true;
}

/** `mb key …`: manages the API keys of a queue. */
export function keyCommand(): Command {
  return new Command('key')
    .description('make, list and revoke the API keys of a queue')
    .addCommand(newCommand())
    .addCommand(listCommand())
    .addCommand(revokeCommand());
}

function newCommand(): Command {
  return new Command('new')
    .description('make a key; its token is shown once')
    .addOption(storeFlag())
    .addOption(serverFlag())
    .requiredOption('--name <text>', 'the program that will use it')
    .addOption(
      new Option('--scope <scopes>', 'what it may do: send, read, content, operate, admin')
        .argParser(parseWords)
        .makeOptionMandatory(),
    )
    .option('--tenant <name>', 'tenant whose mail it may read and send; default all')
    .addOption(
      new Option(
        '--sender-domain <domains>',
        'domains it may send as, in From and return path; default any',
      ).argParser(parseWords),
    )
    .addOption(new Option('--expires <date>', 'when it expires; default never').argParser(parseMoment))
    .addOption(
      new Option('--rate <number>', 'requests a minute; default 6000').argParser(wholeNumber(1, 1_000_000)),
    )
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      `
Examples:
  mb key new --store queue.db --name shop --scope send,read --sender-domain shop.example.com
  TOKEN=$(mb key new --name ci --scope send)

Standard output gets the token alone. Only its digest is stored, so that a lost token cannot be
shown again: make a new key.
Exit codes: 0 made.`,
    )
    .action(async (flags: NewKeyFlags) => {
      const { name, scope, tenant, senderDomain, expires, rate } = flags;
      const given: NewApiKey = {
        name,
        scopes: scope as Scope[],
        ...(tenant !== undefined && { tenant }),
        ...(senderDomain && { senderDomains: [...senderDomain] }),
        ...(expires && { expiresAt: expires.toISOString() }),
        ...(rate !== undefined && { requestsPerMinute: rate }),
      };
      const { key, token } = await withKeys(flags, 'create', (keys) => keys.create(given));
      if (flags.json) return printJson({ ...key, token });
      print(`${token}\n`);
      notice(`Created key ${key.id}. Keep the token: it is not shown again.`);
    });
}

function listCommand(): Command {
  return new Command('ls')
    .description('list keys')
    .addOption(storeFlag())
    .addOption(serverFlag())
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nExamples:\n  mb key ls --store queue.db\n\nExit codes: 0 listed, 1 there is none.',
    )
    .action(async (flags: StoreFlags & ServerFlags & { readonly json?: true }) => {
      const rows = await withKeys(flags, 'read', (keys) => allRows((page) => keys.list(page)));
      process.exitCode = rows.length === 0 ? 1 : 0;
      if (flags.json) return printJson({ rows });
      if (rows.length === 0) return print('There are no keys.\n');
      const head = ['ID', 'NAME', 'SCOPES', 'TENANT', 'LAST USED', 'EXPIRES'];
      const cells = rows.map(({ id, name, scopes, tenant, lastUsedAt, expiresAt }) => [
        id,
        name,
        scopes.join(','),
        tenant ?? '',
        lastUsedAt ?? 'never',
        expiresAt ?? 'never',
      ]);
      print(formatTable(head, cells));
    });
}

function revokeCommand(): Command {
  return new Command('revoke')
    .description('revoke a key, so that servers refuse it')
    .argument('<id>', 'as "mb key ls" shows it')
    .addOption(storeFlag())
    .addOption(serverFlag())
    .option('-y, --yes', 'do not ask; needed where there is no terminal')
    .addHelpText(
      'after',
      '\nExamples:\n  mb key revoke 0f1e2d3c4b5a6978 --yes\n\nRunning servers refuse it within a second.\nExit codes: 0 revoked, 1 there is no such key, 130 the answer was no.',
    )
    .action(async (id: string, flags: StoreFlags & ServerFlags & { readonly yes?: true }) => {
      const revoked = await withKeys(flags, 'change', async (keys) => {
        const key = await keys.get(id);
        if (!key) return false;
        if (!(await confirm(`The key of ${key.name} will be revoked.`, flags.yes ?? false))) return undefined;
        return keys.revoke(id);
      });
      if (revoked === undefined) return;
      process.exitCode = revoked ? 0 : 1;
      print(revoked ? `Key ${id} is revoked.\n` : 'There is no such key.\n');
    });
}

async function withKeys<Result>(
  flags: StoreFlags & ServerFlags,
  access: StoreAccess,
  work: (keys: KeyAccess) => Promise<Result>,
): Promise<Result> {
  if (flags.server !== undefined) return work(remoteKeys(await serverClient(flags.server)));
  // Loaded here: no other command needs it.
  const { ApiKeys, ServerError } = await import('@mb/server');
  return withStore(flags, access, async (store) => {
    const { records } = new MailQueue({ store });
    const keys = new ApiKeys({ records, now: Date.now, onError: () => {} });
    try {
      return await work(keys);
    } catch (error) {
      if (ServerError.isInstance(error) && error.code === 'MB_SERVER_KEY') {
        throw new CliError('MB_CLI_USAGE', error.message, { cause: error });
      }
      throw error;
    }
  });
}
