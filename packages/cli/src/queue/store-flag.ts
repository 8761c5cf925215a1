import { Option } from 'commander';
import type { ConfiguredFlags } from '../config/option-sections.ts';
import { StoreLocation } from './location.ts';

/** What every command on a queue takes. */
export interface StoreFlags extends ConfiguredFlags {
  readonly store?: StoreLocation;
}

/** The flag of `StoreFlags`, for `Command.addOption`. */
export function storeFlag(): Option {
  return new Option('--store <file|url>', 'the queue: a SQLite file, or postgres://…')
    .argParser((text) => StoreLocation.parse(text))
    .env('MB_STORE');
}
