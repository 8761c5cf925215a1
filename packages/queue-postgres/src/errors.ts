import { BrokerError } from '@mb/broker/store';

/** What ./option-table.ts throws for a wrong option: errors of a store are those of the broker. */
export function optionError(message: string): BrokerError {
  return new BrokerError('MB_BROKER_OPTION', 'api-misuse', message);
}
