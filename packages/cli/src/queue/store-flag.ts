import { Option } from 'commander';
import type { ConfiguredFlags } from '../config/option-sections.ts';
import { parseDuration } from '../parse-flag.ts';
import { StoreLocation } from './location.ts';

/** What every command on a queue takes. */
export interface StoreFlags extends ConfiguredFlags {
  readonly store?: StoreLocation;
  /** Milliseconds; see {@link keepContentOption}. */
  readonly keepContent?: number;
}

/** The flag of `StoreFlags`, for `Command.addOption`. */
export function storeFlag(): Option {
  return new Option('--store <file|url>', 'the queue: a SQLite file, or postgres://…')
    .argParser((text) => StoreLocation.parse(text))
    .env('MB_STORE');
}

/** The flag by which a process that works on a queue keeps the content of messages after their last outcome. */
export function keepContentOption(): Option {
  return new Option(
    '--keep-content <time>',
    'keep the content of a message after its last outcome, such as 7d, to read it and send it again; default: not at all',
  )
    .argParser(parseDuration)
    .env('MB_KEEP_CONTENT');
}
