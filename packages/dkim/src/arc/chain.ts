import type { HeaderField } from '../header-scan.ts';
import type { SignedHeader } from '../signed-header.ts';
import { parseTagList, type TagList } from '../tag-list.ts';

/** RFC 8617 §4.2.1: at most 50 sets. */
export const maxInstances = 50;

/** An ARC set: the three fields of an instance (RFC 8617 §4.2). */
export interface ArcSet {
  readonly instance: number;
  readonly results: HeaderField;
  readonly message: HeaderField;
  readonly seal: HeaderField;
  /** `cv=` of the seal, in lower case; empty if it is missing. */
  readonly chainValidation: string;
}

/** The ARC sets of a message in order, or the problem of their structure. */
export interface ArcChain {
  readonly sets: readonly ArcSet[];
  readonly problem: string | undefined;
  /** The highest instance number of any field. */
  readonly highest: number;
}

const names = ['arc-authentication-results', 'arc-message-signature', 'arc-seal'] as const;

/** Reads the ARC fields of a header, and checks their structure (RFC 8617 §5.2, steps 1 to 3). */
export function readChain(header: SignedHeader): ArcChain {
  const byName = names.map((name) => header.byName.get(name) ?? []);
  const counts = byName.map((fields) => fields.length);
  const [results, messages, seals] = byName.map((fields) => byInstance(header, fields));
  const highest = Math.max(0, ...[results!, messages!, seals!].flatMap((fields) => [...fields.keys()]));
  const count = Math.max(...counts);
  if (count > maxInstances || highest > maxInstances) {
    return { sets: [], problem: `There are more than ${maxInstances} ARC sets.`, highest };
  }
  if (counts.some((one) => one !== count)) return { sets: [], problem: 'An ARC set is incomplete.', highest };
  const sets: ArcSet[] = [];
  for (let instance = 1; instance <= count; instance++) {
    const [result, message, seal] = [results!, messages!, seals!].map((fields) => fields.get(instance));
    if (!result || !message || !seal) {
      return {
        sets: [],
        problem: `ARC set ${instance} is incomplete, or another one occurs twice.`,
        highest,
      };
    }
    const chainValidation = (tagsOf(header, seal)?.get('cv') ?? '').toLowerCase();
    sets.push({ instance, results: result, message, seal, chainValidation });
  }
  return { sets, problem: chainValidationProblem(sets), highest };
}

/** RFC 8617 §5.2, step 3C: `none` in the first seal, `pass` in all others. The caller handles `fail` in the newest. */
function chainValidationProblem(sets: readonly ArcSet[]): string | undefined {
  for (const { instance, chainValidation } of sets) {
    if (chainValidation === 'fail' && instance === sets.length) return undefined;
    const wanted = instance === 1 ? 'none' : 'pass';
    if (chainValidation !== wanted) return `Seal ${instance} does not have cv=${wanted}.`;
  }
  return undefined;
}

function byInstance(header: SignedHeader, fields: readonly HeaderField[]): Map<number, HeaderField> {
  const found = new Map<number, HeaderField>();
  for (const field of fields) {
    const instance = instanceOf(header, field);
    if (instance !== undefined && !found.has(instance)) found.set(instance, field);
  }
  return found;
}

function instanceOf(header: SignedHeader, field: HeaderField): number | undefined {
  // RFC 8617 §4.1.1: ARC-Authentication-Results is not a tag list, but it begins with a tag.
  const tags =
    field.name === 'arc-authentication-results'
      ? safeTags(header.value(field).split(';', 1)[0]!)
      : tagsOf(header, field);
  const text = tags?.get('i') ?? '';
  return /^[1-9][0-9]{0,3}$/.test(text) ? Number(text) : undefined;
}

/** The tags of a field; undefined if its value is not a tag list. */
export function tagsOf(header: SignedHeader, field: HeaderField): TagList | undefined {
  return safeTags(header.value(field));
}

function safeTags(text: string): TagList | undefined {
  try {
    return parseTagList(text);
  } catch {
    return undefined;
  }
}
