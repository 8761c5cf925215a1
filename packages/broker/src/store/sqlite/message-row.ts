import type { UnknownPolicy } from '../port.ts';

/** What a claim needs of a message. */
export interface MessageRow {
  readonly tenant: string;
  readonly tag: string | null;
  readonly sender: string;
  readonly accepted: number;
  readonly expires: number;
  readonly size: number;
  readonly on_unknown: UnknownPolicy;
  readonly envelope: string | null;
  readonly schedule: string | null;
}
