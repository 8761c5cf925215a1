import type { NewWebhook, WebhookAttempt, WebhookEndpoint } from '@mb/broker';
import { Command, Option } from 'commander';
import { hasMasterKey, masterKeyFlag } from '../domain/master-key.ts';
import { CliError } from '../errors.ts';
import { allRows } from '../every-row.ts';
import { notice, print, printJson } from '../output.ts';
import { parseMoment, parseWords, wholeNumber } from '../parse-flag.ts';
import { plural } from '../plural.ts';
import { confirm } from '../queue/confirm.ts';
import { serviceCommand } from '../remote/service-command.ts';
import { formatTable } from '../table.ts';
import { formatSpan } from '../time.ts';
import { type WebhookFlags, webhookAllowOption } from './webhook-access.ts';
import { withWebhooks } from './with-webhooks.ts';

/** `mb webhook …`: manages the webhooks of a queue. */
export function webhookCommand(): Command {
  return new Command('webhook')
    .description('add, show, test and replay webhooks, which are notified of what happens to mail')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(testCommand())
    .addCommand(replayCommand())
    .addCommand(switchCommand('enable', true))
    .addCommand(switchCommand('disable', false))
    .addCommand(rotateCommand())
    .addCommand(removeCommand());
}

interface AddFlags extends WebhookFlags {
  readonly type?: readonly string[];
  readonly tenant?: string;
  readonly tag?: readonly string[];
  readonly domain?: readonly string[];
  readonly description?: string;
}

function addCommand(): Command {
  return serviceCommand('add', 'add a webhook; its secret is shown once')
    .argument('<url>', 'URL to which events are posted')
    .addOption(
      new Option('--type <types>', 'only these types, such as delivered,failed,bounced').argParser(
        parseWords,
      ),
    )
    .option('--tenant <name>', 'only mail of this tenant')
    .addOption(new Option('--tag <tags>', 'only mail with one of these tags').argParser(parseWords))
    .addOption(new Option('--domain <domains>', 'only recipients at these domains').argParser(parseWords))
    .option('--description <text>', 'note that "mb webhook show" prints')
    .addOption(webhookAllowOption())
    .addOption(masterKeyFlag())
    .addHelpText(
      'after',
      `
Examples:
  mb webhook add https://app.example.com/hook --store queue.db --type failed,bounced
  SECRET=$(mb webhook add https://app.example.com/mail-events)

Standard output gets the secret alone; the receiver verifies calls with it (Standard Webhooks). With
a master key it is encrypted in the queue; "mb serve" and "mb work", which deliver events, need the
same master key.
Exit codes: 0 added, 64 the URL is wrong or names a private network.`,
    )
    .action(async (url: string, flags: AddFlags) => {
      const { type, tenant, tag, domain, description } = flags;
      const given = {
        url,
        ...(type && { types: type }),
        ...(tenant !== undefined && { tenant }),
        ...(tag && { tags: tag }),
        ...(domain && { domains: domain }),
        ...(description !== undefined && { description }),
      } as NewWebhook;
      const { endpoint, secret } = await withWebhooks(flags, 'create', (webhooks) => webhooks.add(given));
      if (flags.json) return printJson({ ...shown(endpoint), secret });
      print(`${secret}\n`);
      notice(`Added webhook ${endpoint.id}. ${keepSecret(flags)}`);
    });
}

function listCommand(): Command {
  return serviceCommand('ls', 'list webhooks')
    .addHelpText(
      'after',
      '\nExamples:\n  mb webhook ls --store queue.db\n\nLAG is the age of the oldest event that is not delivered; it grows while no process delivers.\nExit codes: 0 listed, 1 there is none.',
    )
    .action(async (flags: WebhookFlags) => {
      const { rows, lags } = await withWebhooks(flags, 'read', async (webhooks) => ({
        rows: await allRows((page) => webhooks.list(page)),
        lags: new Map((await webhooks.lags()).map(({ id, lagMs }) => [id, lagMs])),
      }));
      /** Undefined for a disabled webhook. */
      const lagOf = (id: string) => lags.get(id);
      process.exitCode = rows.length === 0 ? 1 : 0;
      if (flags.json) {
        return printJson({ rows: rows.map((one) => ({ ...shown(one), lagMs: lagOf(one.id) })) });
      }
      if (rows.length === 0) return print('There are no webhooks.\n');
      const cells = rows.map((one) => {
        const lag = lagOf(one.id);
        const late = lag === undefined ? '' : formatSpan(lag);
        return [one.id, one.url, filterOf(one), one.enabled ? 'yes' : 'no', late];
      });
      print(formatTable(['ID', 'URL', 'EVENTS', 'ENABLED', 'LAG'], cells));
    });
}

function showCommand(): Command {
  return serviceCommand('show', 'show a webhook, its status and its latest calls')
    .argument('<id>', 'as "mb webhook ls" shows it')
    .option('--dead-letters', 'show undelivered events instead of calls')
    .addHelpText(
      'after',
      '\nExamples:\n  mb webhook show 0f1e2d3c4b5a6978\n  mb webhook show 0f1e2d3c4b5a6978 --dead-letters\n\nExit codes: 0 shown, 1 there is no such webhook.',
    )
    .action(async (id: string, flags: WebhookFlags & { readonly deadLetters?: true }) => {
      const found = await withWebhooks(flags, 'read', async (webhooks) => {
        const endpoint = await webhooks.get(id);
        if (!endpoint) return undefined;
        const [status, attempts, { rows }] = await Promise.all([
          webhooks.status(id),
          flags.deadLetters ? [] : webhooks.attempts(id),
          flags.deadLetters ? webhooks.deadLetters(id, { limit: 1000 }) : { rows: [] },
        ]);
        return { endpoint, status, attempts, letters: rows };
      });
      if (!found) return missing();
      const { endpoint, status, attempts, letters } = found;
      if (flags.json) {
        return printJson({ ...shown(endpoint), status, ...(flags.deadLetters ? { letters } : { attempts }) });
      }
      const facts: [string, string][] = [
        ['URL', endpoint.url],
        ['Description', endpoint.description ?? ''],
        ['Events', filterOf(endpoint)],
        ['Enabled', endpoint.enabled ? 'yes' : `no${because(endpoint.disabledReason)}`],
        ['Delivered', `${status.delivered} calls, ${status.failed} failed`],
        ['Waiting', plural(status.waiting, 'event')],
        ['Lag', formatSpan(status.lagMs)],
        ['Dead letters', `${status.deadLetters}${status.deadLetters >= 1000 ? ' or more' : ''}`],
        ['Up to', time(status.upTo)],
        ['Failing since', time(status.failingSince)],
        ['Last error', status.lastError ?? ''],
      ];
      print(
        formatTable(
          ['WEBHOOK', id],
          facts.filter(([, value]) => value !== ''),
        ),
      );
      if (flags.deadLetters && letters.length > 0) {
        const cells = letters.map((one) => [one.id, one.event.type, `${one.attempts}`, one.error]);
        print(`\n${formatTable(['DEAD LETTER', 'TYPE', 'ATTEMPTS', 'ERROR'], cells)}`);
      }
      if (attempts.length > 0) {
        print(
          `\n${formatTable(['CALL', 'TYPE', 'EVENT', 'ATTEMPT', 'RESULT', 'MS'], attempts.map(attemptCells))}`,
        );
      }
    });
}

function testCommand(): Command {
  return serviceCommand('test', 'call a webhook once with an event of type "test"')
    .argument('<id>', 'as "mb webhook ls" shows it')
    .addOption(webhookAllowOption())
    .addOption(masterKeyFlag())
    .addHelpText(
      'after',
      '\nExamples:\n  mb webhook test 0f1e2d3c4b5a6978\n\nExit codes: 0 it accepted the event, 1 it did not, or there is no such webhook.',
    )
    .action(async (id: string, flags: WebhookFlags) => {
      const attempt = await withWebhooks(flags, 'change', async (webhooks) =>
        (await webhooks.get(id)) ? webhooks.test(id) : undefined,
      );
      if (!attempt) return missing();
      process.exitCode = attempt.succeeded ? 0 : 1;
      if (flags.json) return printJson(attempt);
      const { status, durationMs, error, answer } = attempt;
      print(
        attempt.succeeded
          ? `The webhook answered ${status} in ${durationMs} ms.\n`
          : `${error}${answer === undefined ? '' : ` It said: ${answer}`}\n`,
      );
    });
}

interface ReplayFlags extends WebhookFlags {
  readonly id?: readonly string[];
  readonly from?: Date;
  readonly to?: Date;
  readonly all?: true;
}

function replayCommand(): Command {
  return serviceCommand('replay', 'deliver undelivered events again')
    .argument('<id>', 'as "mb webhook ls" shows it')
    .addOption(
      new Option(
        '--id <ids>',
        'these dead letters, as "mb webhook show --dead-letters" lists them',
      ).argParser(parseWords),
    )
    .addOption(new Option('--from <time>', 'events from this time on').argParser(parseMoment))
    .addOption(new Option('--to <time>', 'events up to this time').argParser(parseMoment))
    .option('--all', 'all dead letters')
    .addHelpText(
      'after',
      '\nExamples:\n  mb webhook replay 0f1e2d3c4b5a6978 --from 2026-01-31T10:00:00Z --to 2026-01-31T12:00:00Z\n  mb webhook replay 0f1e2d3c4b5a6978 --all\n\nExit codes: 0 replayed, 1 there were no such events, or there is no such webhook.',
    )
    .action(async (id: string, flags: ReplayFlags) => {
      const { id: ids, from, to, all } = flags;
      const ways = [ids, from ?? to, all].filter((one) => one !== undefined).length;
      if (ways !== 1) {
        throw new CliError('MB_CLI_USAGE', 'Give --id, or --from and --to, or --all.');
      }
      const selector = ids ? { ids } : { from: from?.getTime() ?? 0, ...(to && { to: to.getTime() }) };
      const count = await withWebhooks(flags, 'change', async (webhooks) =>
        (await webhooks.get(id)) ? webhooks.replay(id, selector) : undefined,
      );
      if (count === undefined) return missing();
      process.exitCode = count === 0 ? 1 : 0;
      if (flags.json) return printJson({ replayed: count });
      print(`${plural(count, 'event')} will be delivered again.\n`);
    });
}

function switchCommand(name: 'enable' | 'disable', enabled: boolean): Command {
  const effect = enabled ? 'It continues where it stopped.' : 'It gets nothing until it is enabled again.';
  return serviceCommand(name, `${name} a webhook`)
    .argument('<id>', 'as "mb webhook ls" shows it')
    .addHelpText(
      'after',
      `\nExamples:\n  mb webhook ${name} 0f1e2d3c4b5a6978\n\n${effect}\nExit codes: 0 done, 1 there is no such webhook.`,
    )
    .action(async (id: string, flags: WebhookFlags) => {
      const endpoint = await withWebhooks(flags, 'change', async (webhooks) =>
        (await webhooks.get(id)) ? webhooks.change(id, { enabled }) : undefined,
      );
      if (!endpoint) return missing();
      if (flags.json) return printJson(shown(endpoint));
      print(`Webhook ${id} is ${name}d. ${effect}\n`);
    });
}

function rotateCommand(): Command {
  return serviceCommand('rotate-secret', 'give a webhook a new secret, which is shown once')
    .argument('<id>', 'as "mb webhook ls" shows it')
    .addOption(
      new Option(
        '--overlap <hours>',
        'how long calls are also signed with the old secret; default 24',
      ).argParser(wholeNumber(0, 720)),
    )
    .addOption(masterKeyFlag())
    .addHelpText(
      'after',
      '\nExamples:\n  SECRET=$(mb webhook rotate-secret 0f1e2d3c4b5a6978 --overlap 48)\n\nExit codes: 0 rotated, 1 there is no such webhook.',
    )
    .action(async (id: string, flags: WebhookFlags & { readonly overlap?: number }) => {
      const { overlap } = flags;
      const rotated = await withWebhooks(flags, 'change', async (webhooks) =>
        (await webhooks.get(id))
          ? webhooks.rotateSecret(id, overlap === undefined ? {} : { overlapMs: overlap * 3_600_000 })
          : undefined,
      );
      if (!rotated) return missing();
      if (flags.json) return printJson({ ...shown(rotated.endpoint), secret: rotated.secret });
      print(`${rotated.secret}\n`);
      notice(keepSecret(flags));
    });
}

function removeCommand(): Command {
  return serviceCommand('rm', 'remove a webhook and the events that wait for it')
    .argument('<id>', 'as "mb webhook ls" shows it')
    .option('-y, --yes', 'do not ask; needed where there is no terminal')
    .addHelpText(
      'after',
      '\nExamples:\n  mb webhook rm 0f1e2d3c4b5a6978 --yes\n\nExit codes: 0 removed, 1 there is no such webhook, 130 the answer was no.',
    )
    .action(async (id: string, flags: WebhookFlags & { readonly yes?: true }) => {
      const removed = await withWebhooks(flags, 'change', async (webhooks) => {
        const endpoint = await webhooks.get(id);
        if (!endpoint) return false;
        if (!(await confirm(`The webhook ${endpoint.url} will be removed.`, flags.yes ?? false)))
          return undefined;
        return webhooks.remove(id);
      });
      if (removed === undefined) return;
      if (!removed) return missing();
      if (flags.json) return printJson({ removed: id });
      print(`Webhook ${id} is removed.\n`);
    });
}

function keepSecret(flags: WebhookFlags): string {
  const isPlain = flags.server === undefined && !hasMasterKey(flags);
  const storage = isPlain ? ' The queue stores it in plain text; --master-key encrypts it.' : '';
  return `Keep the secret: it is not shown again.${storage}`;
}

function missing(): void {
  process.exitCode = 1;
  print('There is no such webhook.\n');
}

function filterOf({ types, tenant, tags, domains }: WebhookEndpoint): string {
  const parts = [
    types?.join(','),
    tenant && `tenant ${tenant}`,
    tags && `tag ${tags.join(',')}`,
    domains && `domain ${domains.join(',')}`,
  ].filter(Boolean);
  return parts.length > 0 ? parts.join('; ') : 'all';
}

function attemptCells(one: WebhookAttempt): string[] {
  const result = one.succeeded ? `${one.status}` : (one.error ?? 'failed');
  return [time(one.at), one.type, one.eventId, `${one.attempt}`, result, `${one.durationMs}`];
}

function because(reason: string | undefined): string {
  return reason === undefined ? '' : `: ${reason}`;
}

function time(at: number | undefined): string {
  return at === undefined ? '' : new Date(at).toISOString();
}

function shown({ createdAt, secrets, ...rest }: WebhookEndpoint): object {
  return {
    ...rest,
    createdAt: time(createdAt),
    secrets: secrets.map((one) => ({
      createdAt: time(one.createdAt),
      ...(one.expiresAt !== undefined && { expiresAt: time(one.expiresAt) }),
    })),
  };
}
