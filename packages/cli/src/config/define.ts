/**
 * Types of the configuration of `mb`.
 *
 * @packageDocumentation
 */
import type { BrokerOptions, DomainProfile, KeySource } from '@mb/broker';
import type { SignOptions } from '@mb/dkim';
import type { ConfiguredAlerts, ConfiguredStoreOptions } from './broker-settings.ts';
import type { FlagValues } from './flag-values.ts';
import type { Configured, TextSource } from './text-source.ts';

export type { ConfiguredAlerts, ConfiguredStoreOptions, FlagValues, TextSource };

/** A DKIM key of a domain. `domain` is that of the entry unless given. */
export type ConfiguredKey = Configured<Omit<SignOptions, 'domain'>> & {
  readonly domain?: string | undefined;
};

/** Who the mail of a domain is sent as; see `DomainProfile` of @mb/broker. */
export interface DomainConfig extends Configured<Omit<DomainProfile, 'dkim'>> {
  /** One key or several, or a function that gives the keys of a domain. Default none: messages go out unsigned. */
  readonly dkim?: ConfiguredKey | readonly ConfiguredKey[] | KeySource | undefined;
}

/**
 * A configuration of `mb`: values of flags, by their names in camel case, for all commands or in the section of one
 * command, and options of the broker.
 */
export interface Config extends FlagValues {
  /** Domains that mail is sent as, each with its keys, addresses, return paths, routes and limits. */
  readonly domains?: readonly DomainConfig[] | undefined;
  /** Options of the broker, as `MailBroker` takes them; flags override them. The queue is the flag `store`. */
  readonly broker?: Configured<Partial<Omit<BrokerOptions, 'store' | 'runtime' | 'profileFor'>>> | undefined;
  /** Options of the queue's store. */
  readonly storeOptions?: ConfiguredStoreOptions | undefined;
  /** What the alerts of `mb serve` and `mb work` check, and where they are sent; flags override it. */
  readonly alerts?: Configured<ConfiguredAlerts> | undefined;
}

/**
 * Gives a configuration its type, and returns it unchanged.
 *
 * @example
 * export default defineConfig({
 *   hostname: 'mail.example.com',
 *   store: 'queue.db',
 *   domains: [
 *     { domain: 'example.com', dkim: { selector: '2026', privateKey: { file: 'dkim.pem' } } },
 *   ],
 * });
 */
export function defineConfig(config: Config): Config {
  return config;
}
