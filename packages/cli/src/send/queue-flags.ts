import { CliError } from '../errors.ts';
import type { SendFlags } from './flags.ts';

/** What only a queue can keep must not be dropped in silence. */
export function refuseQueueFlags({ idempotencyKey, notBefore, tenant, tag }: SendFlags): void {
  const given = Object.entries({
    '--idempotency-key': idempotencyKey,
    '--not-before': notBefore,
    '--tenant': tenant,
    '--tag': tag,
  }).find(([, value]) => value !== undefined);
  if (given) throw new CliError('MB_CLI_USAGE', `${given[0]} is for queued messages; add --queue.`);
}
