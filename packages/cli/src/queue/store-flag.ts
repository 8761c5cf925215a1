import { Option } from 'commander';
import type { ConfiguredFlags } from '../config/option-sections.ts';
import { parseDuration } from '../parse-flag.ts';
import { StoreLocation } from './location.ts';

/** The flags of every command on a queue. */
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

/** The flag `--keep-content` of processes that deliver. */
export function keepContentOption(): Option {
  return new Option(
    '--keep-content <time>',
    'how long to keep the content of a message after its last outcome, such as 7d, to read or resend it; default 0',
  )
    .argParser(parseDuration)
    .env('MB_KEEP_CONTENT');
}
