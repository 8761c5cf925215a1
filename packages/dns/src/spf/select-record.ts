import { printable } from '../printable.ts';
import { isSpfRecord, parseSpfRecord, type SpfRecord } from './record.ts';

/** The SPF record among TXT records, or why there is no valid one. */
export type SelectedRecord =
  | { readonly kind: 'record'; readonly record: SpfRecord }
  | { readonly kind: 'none' }
  | { readonly kind: 'broken'; readonly problem: 'several-records' | 'syntax'; readonly reason: string };

/** Caches results by the record array of an answer, which is the same for a cached answer. */
const selected = new WeakMap<readonly (readonly string[])[], SelectedRecord>();

/** Selects and parses the SPF record among TXT records (RFC 7208 §4.5). */
export function selectSpfRecord(txt: readonly (readonly string[])[]): SelectedRecord {
  let selection = selected.get(txt);
  if (selection === undefined) {
    selection = select(txt);
    selected.set(txt, selection);
  }
  return selection;
}

function select(txt: readonly (readonly string[])[]): SelectedRecord {
  // RFC 7208 §3.3: the strings of a record are joined without spaces.
  const candidates = txt.map((segments) => segments.join('')).filter(isSpfRecord);
  const [text] = candidates;
  if (text === undefined) return { kind: 'none' };
  if (candidates.length > 1) {
    return {
      kind: 'broken',
      problem: 'several-records',
      reason: `There are ${candidates.length} SPF records.`,
    };
  }
  const parsed = parseSpfRecord(text);
  if (parsed.ok) return { kind: 'record', record: parsed.record };
  const { term, problem } = parsed.problems[0]!;
  return { kind: 'broken', problem: 'syntax', reason: `The term ${printable(term)} is wrong: ${problem}` };
}
