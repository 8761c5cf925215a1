import type { AlertTest } from '@mb/broker/alerts';
import type { components } from '@mb/server/client';
import { Command } from 'commander';
import { openQueueKeys } from '../domain/managed-profiles.ts';
import { masterKeyFlag } from '../domain/master-key.ts';
import { print, printJson, warn } from '../output.ts';
import { plural } from '../plural.ts';
import { withStore } from '../queue/store.ts';
import { serviceCommand } from '../remote/service-command.ts';
import { brokerOptions } from '../send/broker-options.ts';
import { deliveryOptions, signatureOptions } from '../send/flags.ts';
import { formatTable } from '../table.ts';
import { webhookAllowOption } from '../webhook/webhook-access.ts';
import { type QueueBrokerFlags, queueBroker } from '../work/queue-broker.ts';
import { type AlertFlags, alertOptions } from './alert-flags.ts';
import { serviceAlerts } from './service-alerts.ts';

type ShownAlert = components['schemas']['Alert'];

interface Flags extends QueueBrokerFlags, AlertFlags {
  readonly server?: string;
  readonly json?: true;
}

/** `mb alert …`: what is wrong with the service. */
export function alertCommand(): Command {
  return new Command('alert')
    .description('show what is wrong with the service, and test whether alerts arrive')
    .addCommand(listCommand())
    .addCommand(testCommand());
}

function listCommand(): Command {
  return serviceCommand('ls', 'list the rules that are checked, with their state')
    .addHelpText(
      'after',
      `
Examples:
  mb alert ls --store queue.db
  mb alert ls --json | jq '.rows[] | select(.firing)'

"mb serve" with the role worker and "mb work" check the rules. A rule without a value in ABOUT is
about the whole queue.
Exit codes: 0 no alert fires, 1 an alert fires, or no process checks the rules.`,
    )
    .action(async (flags: Flags) => {
      const rows = await listAlertsOf(flags);
      const watched = rows.some(({ checkedAt }) => checkedAt !== undefined);
      process.exitCode = watched && !rows.some(({ firing }) => firing) ? 0 : 1;
      if (flags.json) return printJson({ rows });
      if (rows.length > 0) print(alertTable(rows));
      if (!watched) print('No process checks the rules: start "mb serve" or "mb work".\n');
    });
}

function testCommand(): Command {
  const made = serviceCommand('test', 'send a test alert to all recipients of alerts');
  for (const option of [
    ...alertOptions(),
    webhookAllowOption(),
    ...deliveryOptions(),
    ...signatureOptions(),
    masterKeyFlag(),
  ]) {
    made.addOption(option);
  }
  return made
    .addHelpText(
      'after',
      `
Examples:
  mb alert test --store queue.db --alert-to ops@example.com --alert-from alerts@example.com
  mb alert test --server https://mail.example.com

With --server the running service sends the test to the recipients in its own configuration. Mail
and webhooks of the queue are delivered by "mb serve" or "mb work".
Exit codes: 0 sent, 1 alerts have no recipient, or the webhook did not accept it.`,
    )
    .action(async (flags: Flags) => {
      const test = await testAlertsOf(flags);
      const { webhooks, webhook, messageId } = test;
      const hasRecipient = webhooks > 0 || webhook !== undefined || messageId !== undefined;
      process.exitCode = hasRecipient && webhook?.succeeded !== false ? 0 : 1;
      if (flags.json) return printJson(test);
      if (!hasRecipient) {
        return print(
          'Alerts have no recipient: give --alert-to and --alert-from, or --alert-webhook, or add a webhook.\n',
        );
      }
      if (messageId !== undefined) print(`Mail is queued as ${messageId}.\n`);
      if (webhook?.succeeded) print(`The webhook answered ${webhook.status} in ${webhook.durationMs} ms.\n`);
      if (webhook?.succeeded === false) print(`The webhook did not accept it: ${webhook.error}\n`);
      if (webhooks > 0) print(`${plural(webhooks, 'webhook')} of the queue will be called.\n`);
    });
}

async function listAlertsOf(flags: Flags): Promise<readonly ShownAlert[]> {
  if (flags.server !== undefined) {
    const { data } = await (await remote(flags.server)).list();
    return data;
  }
  const { listAlerts } = await import('@mb/broker/alerts');
  const alerts = await withStore(flags, 'read', (store) => listAlerts(store.records));
  const iso = (at: number) => new Date(at).toISOString();
  return alerts.map(({ since, checkedAt, ...alert }) => ({
    ...alert,
    ...(since !== undefined && { since: iso(since) }),
    ...(checkedAt !== undefined && { checkedAt: iso(checkedAt) }),
  }));
}

async function testAlertsOf(flags: Flags): Promise<AlertTest | components['schemas']['AlertTest']> {
  if (flags.server !== undefined) return (await remote(flags.server)).test();
  const options = await brokerOptions(flags, '', warn, 'queue');
  return withStore(flags, 'change', async (store) => {
    const keys = await openQueueKeys(flags, store);
    const broker = await queueBroker(options, flags, store, keys);
    const alerts = await serviceAlerts(broker, {
      flags,
      options,
      domains: keys.domains,
      onError: (error) => warn(String(error)),
    });
    try {
      return await alerts.test();
    } finally {
      await broker.close();
    }
  });
}

async function remote(server: string) {
  const { remoteAlerts } = await import('../remote/remote-alerts.ts');
  const { serverClient } = await import('../remote/api.ts');
  return remoteAlerts(await serverClient(server));
}

function alertTable(alerts: readonly ShownAlert[]): string {
  const rows = alerts.map(({ alert, name, firing, since, checkedAt, detail }) => [
    alert,
    name ?? '',
    firing ? 'FIRES' : checkedAt === undefined ? 'not watched' : 'ok',
    since ?? '',
    checkedAt ?? '',
    firing ? (detail ?? '') : '',
  ]);
  return formatTable(['ALERT', 'ABOUT', 'STATE', 'SINCE', 'CHECKED', 'DETAIL'], rows);
}
