import { createResolver, type Resolver, type ResolverOptions } from '@mb/dns';
import { Option } from 'commander';
import { splitAtCommas, wholeNumber } from '../parse-flag.ts';

export { toJson } from '../output.ts';
export { printable } from '../terminal.ts';

/** Output and DNS of a command; tests give their own. */
export interface Terminal {
  /** Writes a piece of output. */
  write(text: string): void;
  /** Sets the exit code of the program. */
  setExitCode(code: number): void;
  makeResolver(options: ResolverOptions): Resolver;
}

/** The process's own output and DNS. */
export const processTerminal: Terminal = {
  write: (text) => process.stdout.write(text),
  setExitCode: (code) => {
    process.exitCode = code;
  },
  makeResolver: createResolver,
};

/** Options that every DNS command takes. */
export interface ResolverFlags {
  readonly resolver?: readonly string[];
  /** Another name of `resolver`. */
  readonly server?: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
  readonly trustAd?: boolean;
  readonly json?: boolean;
}

/** Flags of `ResolverFlags`, for `Command.addOption`. */
export function resolverFlags(): Option[] {
  return [
    new Option(
      '--resolver <address...>',
      'DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf)',
    ).env('MB_RESOLVER'),
    new Option('--server <address...>', 'the same as --resolver').hideHelp(),
    new Option('--timeout <seconds>', 'time for one lookup').argParser(wholeNumber(1, 86_400)),
    new Option('--trust-ad', 'trust the AD bit of DNS servers that are not on loopback'),
    new Option('--json', 'print JSON'),
  ];
}

/** Makes the resolver that the flags ask for. */
export function resolverFor(flags: ResolverFlags, terminal: Terminal): Resolver {
  const servers = flags.server ?? flags.resolver;
  return terminal.makeResolver({
    ...(servers === undefined ? {} : { servers: splitAtCommas(servers) }),
    ...(flags.timeout === undefined ? {} : { timeoutMs: flags.timeout * 1000 }),
    ...(flags.trustAd === undefined ? {} : { trustAuthenticData: flags.trustAd }),
  });
}
