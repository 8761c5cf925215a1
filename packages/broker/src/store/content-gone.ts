import { BrokerError } from '../errors.ts';

/** The error for octets of a message that are not stored, or no longer. */
export function contentGone(): BrokerError {
  return new BrokerError(
    'MB_BROKER_NOT_FOUND',
    'invalid-input',
    'There is no content of this message any more. It is deleted with the last outcome, unless the store is told to keep it: `keepContentMs`, or `mb serve --keep-content 7d`.',
  );
}
