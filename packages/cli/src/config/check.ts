import type { DomainProfile } from '@mb/broker';
import type { Command } from 'commander';
import { colors as pc } from '../colors.ts';
import { CliError } from '../errors.ts';
import { exitCodes } from '../exit-code.ts';
import { print, printJson, warn } from '../output.ts';
import type { StoreFlags } from '../queue/store-flag.ts';
import { brokerOptions } from '../send/broker-options.ts';
import type { DeliveryFlags, SignatureFlags } from '../send/flags.ts';
import { formatTable } from '../table.ts';
import { fitLines } from '../terminal.ts';
import { isConfigured } from './apply.ts';
import { readBrokerSettings } from './broker-settings.ts';
import { secretKeys } from './text-source.ts';

/** Flags of `mb config check`. */
export interface CheckFlags extends StoreFlags, SignatureFlags, DeliveryFlags {
  readonly json?: true;
}

/** A value that is not the default, and where it comes from. */
interface InForce {
  readonly name: string;
  readonly value: string;
  readonly from: 'command line' | 'environment' | 'configuration';
}

/**
 * `mb config check`: prints what is in force.
 *
 * @throws {CliError} MB_CLI_CONFIG with a line for each problem; MB_CLI_FILE without a configuration.
 */
export async function checkConfig(flags: CheckFlags, command: Command): Promise<void> {
  const path = command.parent?.parent?.opts<{ readonly configPath?: string }>().configPath;
  if (path === undefined) {
    throw new CliError(
      'MB_CLI_FILE',
      'There is no configuration here or above; name one: mb --config FILE config check.',
    );
  }
  const warnings: string[] = [];
  const keep = (text: string) => void warnings.push(text);
  const settings = await readBrokerSettings(flags.optionSections, () => {});
  const { broker, domains } = settings;
  // The same checks as a worker makes before it starts.
  // `mb send` takes the domain of From where the key has none.
  const { hostname, dkim } = await brokerOptions(flags, 'mb.invalid', keep, 'queue');
  for (const { domain, dkim: key, name } of domains ?? []) {
    if (!key)
      keep(
        `Mail of ${name ?? domain} is not signed, since it has no dkim; many receivers reject unsigned mail.`,
      );
  }
  if (!domains && !dkim) keep('Mail is not signed; give domains with dkim, or dkimKey and dkimSelector.');
  const options = [
    ...describeOptions(broker, 'broker'),
    ...describeOptions(settings.storeOptions, 'storeOptions'),
    ...describeOptions(settings.alerts, 'alerts'),
  ];
  const inForce = flagsInForce(command);
  if (warnings.length > 0) process.exitCode = 1;
  if (flags.json) {
    printJson({
      exitCode: process.exitCode ?? exitCodes.ok,
      path,
      hostname,
      domains: domains?.map(summaryOf) ?? null,
      flags: Object.fromEntries(inForce.map(({ name, value, from }) => [name, { value, from }])),
      options: Object.fromEntries(options),
      warnings,
    });
    return;
  }
  print(`${path} is valid. The host name is ${hostname}.\n`);
  if (domains) print(`\n${domainTable(domains)}`);
  if (inForce.length > 0) print(`\n${flagTable(inForce)}`);
  if (options.length > 0) {
    print(`\n${fitLines(options.map(([name, value]) => `${pc.bold(name)}  ${value}`))}`);
  }
  for (const warning of warnings) warn(warning);
}

/** A domain as it is shown, without keys and secrets. */
function summaryOf({ domain, tenants, hostname, dkim, sources, verp, tls, routes, ...rest }: DomainProfile) {
  return {
    domain,
    ...(tenants && { tenants }),
    keys: selectorsOf(dkim),
    ...(hostname !== undefined && { hostname }),
    ...(sources && { addresses: sources.flatMap(({ localAddresses }) => localAddresses) }),
    ...(verp && { returnPath: verp.address }),
    ...(tls?.minimum && { tls: tls.minimum }),
    ...(routes && { routes: Object.keys(routes) }),
    ...Object.fromEntries(describeOptions(rest, '')),
  };
}

function selectorsOf(dkim: DomainProfile['dkim']): string[] {
  if (typeof dkim === 'function') return ['(function)'];
  const keys = dkim === undefined ? [] : Array.isArray(dkim) ? dkim : [dkim];
  return keys.flatMap(
    ({ selector, keys: more }) => more?.map((one: { selector: string }) => one.selector) ?? selector,
  );
}

function domainTable(domains: readonly DomainProfile[]): string {
  const rows = domains
    .map(summaryOf)
    .map((one) => [
      one.domain,
      one.tenants?.join(', ') ?? 'all',
      one.keys.join(', ') || 'none',
      one.hostname ?? '',
      one.addresses?.join(', ') ?? '',
      one.returnPath ?? '',
      one.tls ?? '',
      one.routes?.join(', ') ?? '',
    ]);
  const head = ['domain', 'tenants', 'keys', 'host name', 'addresses', 'return path', 'TLS', 'routes'];
  return formatTable(...withoutEmptyColumns(head, rows));
}

function withoutEmptyColumns(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): [head: string[], rows: string[][]] {
  const kept = [...head.keys()].filter((column) => rows.some((row) => row[column] !== ''));
  const pick = (row: readonly string[]) => kept.map((column) => row[column]!);
  return [pick(head), rows.map(pick)];
}

function flagTable(inForce: readonly InForce[]): string {
  return formatTable(
    ['flag', 'value', 'from'],
    inForce.map(({ name, value, from }) => [name, value, from]),
  );
}

function flagsInForce(command: Command): InForce[] {
  return command.options.flatMap((option): InForce[] => {
    const name = option.attributeName();
    const value: unknown = command.getOptionValue(name);
    const source = command.getOptionValueSource(name);
    const from =
      source === 'cli'
        ? 'command line'
        : source === 'env'
          ? 'environment'
          : isConfigured(option)
            ? 'configuration'
            : undefined;
    return value === undefined || from === undefined ? [] : [{ name, value: String(value), from }];
  });
}

/** All options that are given, by path. Secrets and values that cannot be printed appear without their value. */
function describeOptions(value: unknown, path: string): (readonly [path: string, value: string])[] {
  const key = path.slice(path.lastIndexOf('.') + 1);
  if (secretKeys.has(key)) return [[path, '(secret)']];
  if (typeof value === 'function') return [[path, '(function)']];
  if (typeof value === 'string' && value.includes('\n')) return [[path, `(${value.length} characters)`]];
  if (value === null || typeof value !== 'object') return [[path, String(value)]];
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value))
    return [[path, '(object)']];
  return Object.entries(value).flatMap(([name, member]) =>
    describeOptions(
      member,
      Array.isArray(value) ? `${path}[${name}]` : path === '' ? name : `${path}.${name}`,
    ),
  );
}
