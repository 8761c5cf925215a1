import type { KeyObject } from 'node:crypto';
import type { MtaStsFetch } from '../mta-sts/fetch.ts';
import { matching, type OptionTable, required, text } from '../option-table.ts';
import type { Resolver } from '../resolver.ts';
import type { ConnectProbe } from './connect-probe.ts';

/** The context that all checks of a diagnosis share. */
export interface DiagnosisContext {
  readonly domain: string;
  readonly addresses: readonly string[];
  readonly helo: string | undefined;
  /** Domain of MAIL FROM. */
  readonly mailFrom: string;
  readonly dkim: readonly DkimSelector[];
  readonly resolver: Resolver;
  readonly fetchPolicy: (domain: string, signal: AbortSignal | undefined) => Promise<MtaStsFetch>;
  readonly connect: ConnectProbe;
  readonly probeTargets: readonly string[] | undefined;
  readonly allowAddresses: readonly string[] | undefined;
  readonly signal: AbortSignal | undefined;
}

/** A DKIM selector with its private key. */
export interface DkimSelector {
  readonly selector: string;
  /** Private key (PEM or KeyObject) that the published key must belong to. */
  readonly privateKey?: string | KeyObject | undefined;
}

/** What {@link DkimSelector} accepts. */
export const dkimSelector = {
  selector: required(text('a selector')),
  privateKey: matching<string | KeyObject>(
    'a PEM string or a KeyObject',
    (value) => typeof value === 'string' || (typeof value === 'object' && value !== null),
  ),
} satisfies OptionTable<DkimSelector>;
