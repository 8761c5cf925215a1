import type { AlertOptions } from '@mb/broker/alerts';
import { Option } from 'commander';
import { readBrokerSettings } from '../config/broker-settings.ts';
import type { ConfiguredFlags } from '../config/option-sections.ts';
import { readVariable } from '../environment.ts';
import { CliError } from '../errors.ts';
import { warnIfOpen } from '../send/dkim-key.ts';
import { readInput } from '../send/file.ts';

/** Where alerts are sent; the section `alerts` of the configuration has more options. */
export interface AlertFlags extends ConfiguredFlags {
  readonly alertTo?: readonly string[];
  readonly alertFrom?: string;
  readonly alertWebhook?: string;
  readonly alertWebhookSecret?: string;
}

/** The flags of {@link AlertFlags}. */
export function alertOptions(): Option[] {
  return [
    new Option('--alert-to <address...>', 'mail alerts to these addresses'),
    new Option('--alert-from <address>', 'From address of that mail, at a domain with a DKIM key'),
    new Option('--alert-webhook <url>', 'post alerts to this URL, signed like a webhook'),
    new Option(
      '--alert-webhook-secret <file>',
      'secret of that webhook, whsec_…; MB_ALERT_WEBHOOK_SECRET may hold the secret itself',
    ).env('MB_ALERT_WEBHOOK_SECRET_FILE'),
  ];
}

/**
 * The options of alerts from the flags and the configuration; flags override it.
 *
 * @throws {CliError} MB_CLI_USAGE, MB_CLI_FILE, MB_CLI_CONFIG
 */
export async function readAlertFlags(flags: AlertFlags, warn: (text: string) => void): Promise<AlertOptions> {
  const { alerts } = await readBrokerSettings(flags.optionSections, warn);
  const mail = readMail(flags, alerts.mail);
  const webhook = await readWebhook(flags, alerts.webhook, warn);
  return { ...alerts, ...(mail && { mail }), ...(webhook && { webhook }) };
}

function readMail(
  { alertFrom, alertTo }: AlertFlags,
  configured: AlertOptions['mail'],
): AlertOptions['mail'] {
  const from = alertFrom ?? configured?.from;
  const to = alertTo ?? configured?.to;
  if (from === undefined && to === undefined) return undefined;
  if (from !== undefined && to !== undefined) return { from, to };
  throw new CliError(
    'MB_CLI_USAGE',
    from === undefined
      ? '--alert-to needs --alert-from, an address at a domain with a DKIM key.'
      : '--alert-from needs --alert-to, the addresses that get alerts.',
  );
}

async function readWebhook(
  { alertWebhook, alertWebhookSecret: path }: AlertFlags,
  configured: AlertOptions['webhook'],
  warn: (text: string) => void,
): Promise<AlertOptions['webhook']> {
  const url = alertWebhook ?? configured?.url;
  const given = await readSecret(path, warn);
  // A secret in the environment alone is no error: it may be meant for another command.
  if (url === undefined) {
    if (path === undefined) return undefined;
    throw new CliError('MB_CLI_USAGE', '--alert-webhook-secret needs --alert-webhook.');
  }
  const secret = given ?? configured?.secret;
  if (secret !== undefined) return { url, secret };
  throw new CliError(
    'MB_CLI_USAGE',
    '--alert-webhook needs a secret to sign its calls: give --alert-webhook-secret FILE or MB_ALERT_WEBHOOK_SECRET. Make one: echo "whsec_$(openssl rand -base64 32)"',
  );
}

async function readSecret(
  path: string | undefined,
  warn: (text: string) => void,
): Promise<string | undefined> {
  if (path === undefined) return readVariable('MB_ALERT_WEBHOOK_SECRET');
  await warnIfOpen(path, warn);
  return (await readInput('--alert-webhook-secret', path)).toString().trim();
}
