import { Option } from 'commander';
import { splitAtCommas } from './parse-flag.ts';

/** The flag `--allow`. */
export interface AllowFlag {
  readonly allow?: readonly string[];
}

/** `--allow` for the commands that look up where mail goes or connect there. */
export function allowOption(): Option {
  return new Option('--allow <cidr>', 'networks to allow although their addresses are not public, for tests')
    .argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
    .env('MB_ALLOW');
}

/** The networks of `--allow`, which may be repeated or separated by commas. */
export const allowedAddresses = splitAtCommas;
