import { CliError } from '../errors.ts';
import type { SendFlags } from './flags.ts';

/** Refuses flags that have an effect only with --queue. */
export function refuseQueueFlags({ idempotencyKey, notBefore, tag }: SendFlags): void {
  const given = Object.entries({
    '--idempotency-key': idempotencyKey,
    '--not-before': notBefore,
    '--tag': tag,
  }).find(([, value]) => value !== undefined);
  if (given) throw new CliError('MB_CLI_USAGE', `${given[0]} needs a queue; add --queue.`);
}
