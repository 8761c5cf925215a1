import { type QueueControl, type RecipientView, readOutcomeDetail, type Selector } from '@mb/broker';
import { everyRow } from '../every-row.ts';

/** All recipients that the selectors choose, read page by page. */
export async function* eachRecipient(
  control: Pick<QueueControl, 'list'>,
  selectors: readonly Selector[],
): AsyncGenerator<RecipientView> {
  for (const selector of selectors) yield* everyRow((page) => control.list(selector, page));
}

/** The latest reply of a recipient's host, or the reason why there is none. */
export function lastWord(detail: object | undefined): string {
  const { reply, reason, host } = readOutcomeDetail(detail);
  const said = reply ? `${reply.code} ${reply.lines.join(' ')}` : (reason ?? '');
  return host && said ? `${host}: ${said}` : said;
}
