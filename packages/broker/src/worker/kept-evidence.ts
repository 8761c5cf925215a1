import type { TranscriptEntry } from '@mb/smtp-client';
import type { KeptSignature, KeptTranscripts, OutcomeDetail, RecipientOutcome } from '../delivery/outcome.ts';

/**
 * Maximum number of transcript entries kept, half from the beginning, half from the end: a detail has at most 16 KiB.
 */
const maxEntries = 40;
const maxText = 160;

/** What the queue keeps of an outcome, without its recipient. */
export function keptEvidence(
  outcome: RecipientOutcome,
  transcripts: KeptTranscripts,
  signatures: readonly KeptSignature[],
): OutcomeDetail {
  const { transcript, recipient: _, ...evidence } = outcome;
  const wanted = transcripts === 'all' || (transcripts === 'failures' && outcome.status !== 'delivered');
  return {
    ...evidence,
    ...(signatures.length > 0 && { signatures }),
    ...(wanted && transcript.length > 0 && { transcript: shortened(transcript) }),
  };
}

function shortened(transcript: readonly TranscriptEntry[]): TranscriptEntry[] {
  const entries = transcript.map(({ at, direction, text }) => ({
    at,
    direction,
    text: text.length > maxText ? `${text.slice(0, maxText).toWellFormed()}…` : text,
  }));
  if (entries.length <= maxEntries) return entries;
  const half = maxEntries / 2;
  const text = `${entries.length - maxEntries} more entries were not kept`;
  const { at } = entries[half]!;
  return [...entries.slice(0, half), { at, direction: 'note', text }, ...entries.slice(-half)];
}

/** The keys of signature fields that the worker has written. */
export function signaturesOf(fields: string): KeptSignature[] {
  if (fields === '') return [];
  const tag = (field: string, name: string) => new RegExp(`[;:]\\s*${name}=([^;\\s]+)`).exec(field)?.[1];
  return fields
    .split(/\r\n(?![ \t])/)
    .filter((field) => field !== '')
    .flatMap((field) => {
      const [domain, selector] = [tag(field, 'd'), tag(field, 's')];
      return domain === undefined || selector === undefined ? [] : [{ domain, selector }];
    });
}
