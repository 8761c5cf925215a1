import { BrokerError } from '@mb/broker/store';

/** The error of `./option-table.ts` for an invalid option; a store throws errors of the broker. */
export function optionError(message: string): BrokerError {
  return new BrokerError('MB_BROKER_OPTION', 'api-misuse', message);
}
