import { BrokerError } from '../errors.ts';

/** The error for a message whose octets are not stored, or no longer. */
export function contentGone(): BrokerError {
  return new BrokerError(
    'MB_BROKER_NOT_FOUND',
    'invalid-input',
    'The content of this message is not stored. It is deleted with the last outcome unless the store keeps it: set `keepContentMs`, or run `mb serve --keep-content 7d`.',
  );
}
