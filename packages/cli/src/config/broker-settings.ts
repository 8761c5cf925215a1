import { dirname, resolve } from 'node:path';
import { type BrokerOptions, type DomainProfile, MailBroker, profilesByDomain } from '@mb/broker';
import type { AlertOptions } from '@mb/broker/alerts';
import type { StoreOptions } from '@mb/broker/store';
import { CliError, isCodedError } from '../errors.ts';
import type { OptionSections } from './option-sections.ts';
import { readTexts, type TextFindings } from './text-source.ts';

/** Options of a store that a configuration gives. */
export interface ConfiguredStoreOptions extends StoreOptions {
  readonly pollMs?: number;
}

/** Options of alerts that a configuration gives; the rest comes from the service. */
export type ConfiguredAlerts = Pick<
  AlertOptions,
  'rules' | 'thresholds' | 'mail' | 'webhook' | 'name' | 'certificates' | 'disks' | 'everyMs'
>;

/** What the option sections of a configuration say, with all texts read. */
export interface BrokerSettings {
  /** `hostname` may be missing: a flag may give it. */
  readonly broker: Partial<BrokerOptions>;
  /** Undefined without a section. */
  readonly domains: readonly DomainProfile[] | undefined;
  readonly storeOptions: ConfiguredStoreOptions;
  readonly alerts: ConfiguredAlerts;
}

/** Options that only a program can give. */
const notForConfiguration: Readonly<Record<string, string>> = {
  store: 'Give the queue as the key store beside broker, and its options as storeOptions.',
  runtime: 'It is for tests of programs.',
  profileFor: 'Give domains, or send by a program of your own.',
};

/** Options of the broker that belong to each domain where domains are given. */
const ofDomains = ['dkim', 'delivery.sources', 'delivery.routes', 'queue.verp'];

/** Options of alerts; the service sets the others. */
const alertKeys = ['rules', 'thresholds', 'mail', 'webhook', 'name', 'certificates', 'disks', 'everyMs'];

/** Options of stores; the others have flags. */
const storeKeys = ['limits', 'maxMessageBytes', 'eventTypes', 'keepContentMs', 'pollMs'];

/**
 * Reads and checks the option sections of a configuration.
 *
 * @param warn  Called with a sentence for each setting that works but is dangerous.
 * @throws {CliError} MB_CLI_CONFIG with a line for each problem.
 */
export async function readBrokerSettings(
  sections: OptionSections | undefined,
  warn: (text: string) => void,
): Promise<BrokerSettings> {
  if (!sections) return { broker: {}, domains: undefined, storeOptions: {}, alerts: {} };
  const findings: TextFindings = { problems: [], warnings: [] };
  const { problems } = findings;
  const folder = dirname(sections.path);
  const broker = await readSection(sections.broker, 'broker', folder, findings);
  const storeOptions = await readSection(sections.storeOptions, 'storeOptions', folder, findings);
  const alerts = withPaths(await readSection(sections.alerts, 'alerts', folder, findings), folder);
  const domains = await readDomains(sections.domains, folder, findings);
  for (const [key, why] of Object.entries(notForConfiguration)) {
    if (broker[key] !== undefined) problems.push(`broker.${key}: It cannot be configured. ${why}`);
  }
  for (const path of domains ? ofDomains : []) {
    if (valueAt(broker, path) !== undefined) {
      problems.push(`broker.${path}: It cannot be given beside domains; give it in each domain.`);
    }
  }
  problems.push(
    ...unknownKeys('storeOptions', storeOptions, storeKeys),
    ...unknownKeys('alerts', alerts, alertKeys),
  );
  // A value that could not be read would be reported a second time, as a wrong one.
  if (problems.length === 0)
    problems.push(...(await wrongOptions({ broker, domains, storeOptions, alerts })));
  if (problems.length > 0) {
    const lines = problems.map((problem) => `  ${problem}`).join('\n');
    throw new CliError('MB_CLI_CONFIG', `${sections.path}:\n${lines}`);
  }
  for (const warning of findings.warnings) warn(warning);
  return { broker, domains, storeOptions, alerts };
}

async function readSection(
  given: unknown,
  name: string,
  folder: string,
  findings: TextFindings,
): Promise<Record<string, unknown>> {
  if (given === undefined) return {};
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    return (await readTexts(given, folder, name, findings)) as Record<string, unknown>;
  }
  findings.problems.push(`${name}: It must be an object.`);
  return {};
}

function unknownKeys(section: string, given: object, known: readonly string[]): string[] {
  return Object.keys(given)
    .filter((key) => !known.includes(key))
    .map((key) => `${section}.${key}: There is no such key. Known keys: ${known.join(', ')}.`);
}

/** Makes paths relative to the folder of the configuration. */
function withPaths(alerts: Record<string, unknown>, folder: string): ConfiguredAlerts {
  const paths = ['certificates', 'disks'].flatMap((key) => {
    const list = alerts[key];
    if (!Array.isArray(list)) return [];
    return [
      [key, list.map((path) => (typeof path === 'string' && path !== '' ? resolve(folder, path) : path))],
    ];
  });
  return { ...alerts, ...Object.fromEntries(paths) };
}

async function readDomains(
  given: unknown,
  folder: string,
  findings: TextFindings,
): Promise<readonly DomainProfile[] | undefined> {
  if (given === undefined) return undefined;
  if (!Array.isArray(given)) {
    findings.problems.push('domains: It must be a list of objects, such as [{ "domain": "example.com" }].');
    return [];
  }
  const domains = (await readTexts(given, folder, 'domains', findings)) as readonly unknown[];
  return domains.map((one) => withKeyDomains(one) as DomainProfile);
}

/** A key signs for the domain that it is given with, unless it says otherwise. */
function withKeyDomains(given: unknown): unknown {
  if (typeof given !== 'object' || given === null) return given;
  const { domain, dkim } = given as { readonly domain?: unknown; readonly dkim?: unknown };
  if (typeof dkim !== 'object' || dkim === null || domain === '*') return given;
  const withDomain = (key: object) => ({ domain, ...key });
  return { ...given, dkim: Array.isArray(dkim) ? dkim.map(withDomain) : withDomain(dkim) };
}

/**
 * The problems that the broker, its store and its alerts find in the options, named by the keys of the configuration.
 */
async function wrongOptions({ broker, domains, storeOptions, alerts }: BrokerSettings): Promise<string[]> {
  const problems: string[] = [];
  const check = (make: () => unknown) => {
    try {
      make();
    } catch (error) {
      if (!isCodedError(error)) throw error;
      problems.push(
        (error as Error).message
          .replace(
            /^MailBroker: options(?:\.(\w)| )/,
            (_all, first?: string) => `broker${first ? `.${first}` : ' '}`,
          )
          .replace(/^profilesByDomain: profiles/, 'domains')
          .replace(/^SqliteStore: options/, 'storeOptions')
          .replace(/^Alerts: options/, 'alerts'),
      );
    }
  };
  check(() => new MailBroker({ hostname: 'mb.invalid', ...broker }));
  if (domains) check(() => profilesByDomain(domains));
  if (Object.keys(storeOptions).length > 0) {
    const { SqliteStore } = await import('@mb/broker/sqlite');
    // Every store takes these options; the constructor opens nothing.
    check(() => new SqliteStore('queue.db', storeOptions));
  }
  if (Object.keys(alerts).length > 0) {
    const { Alerts } = await import('@mb/broker/alerts');
    // The constructor starts nothing.
    check(() => new Alerts(new MailBroker({ hostname: 'mb.invalid' }), alerts));
  }
  return problems;
}

function valueAt(given: unknown, path: string): unknown {
  let value = given;
  for (const key of path.split('.')) value = (value as Record<string, unknown> | undefined)?.[key];
  return value;
}
