import type { SpfBudget } from './budget.ts';
import { parseMacroString } from './domain-spec.ts';
import type { Evaluation, Verdict } from './evaluate.ts';
import { expandDomain, expandMacros } from './macro.ts';
import { SpfStop } from './outcome.ts';

/**
 * Looks up and expands the explanation of a fail.
 *
 * @returns The text, or undefined when there is none or it is invalid (RFC 7208 §6.2).
 */
export async function explainFail(
  source: Verdict['explanation'],
  budget: SpfBudget,
  evaluation: Evaluation,
): Promise<string | undefined> {
  if (source === undefined) return undefined;
  const context = evaluation.context(source.domain);
  try {
    const answer = await budget.query(await expandDomain(source.modifier.domain, context), 'TXT');
    // RFC 7208 §6.2: exactly one record, its strings joined without spaces.
    if (answer?.status !== 'found' || answer.records.length !== 1) return undefined;
    const parts = parseMacroString(answer.records[0]!.join(''), 'explanation');
    if ('problem' in parts) return undefined;
    const text = await expandMacros(parts, context);
    // RFC 7208 §6.2: US-ASCII, here without control characters, which must not reach a log or a reply.
    return /^[\x20-\x7e]*$/.test(text) ? text : undefined;
  } catch (stop) {
    // After a timeout, the result is fail without an explanation.
    if (stop instanceof SpfStop) return undefined;
    throw stop;
  }
}
