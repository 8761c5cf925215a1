import { Option } from 'commander';

/** What `--allow` says. */
export interface AllowFlag {
  readonly allow?: readonly string[];
}

/** `--allow`, of every command that looks up where mail goes or connects there. */
export function allowOption(): Option {
  return new Option('--allow <cidr>', 'addresses that may be used although not public, for labs')
    .argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value])
    .env('MB_ALLOW');
}

/** The networks of `--allow`, which may be repeated or separated by commas. */
export function allowedAddresses(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(',')).map((one) => one.trim());
}
