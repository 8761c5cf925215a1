import { type QueueControl, type RecipientView, readOutcomeDetail, type Selector } from '@mb/broker';

const PAGE = 1000;

/** All recipients that the selectors choose, read page by page. */
export async function* eachRecipient(
  control: Pick<QueueControl, 'list'>,
  selectors: readonly Selector[],
): AsyncGenerator<RecipientView> {
  for (const selector of selectors) {
    let after: string | undefined;
    do {
      const page = await control.list(selector, { limit: PAGE, ...(after !== undefined && { after }) });
      yield* page.rows;
      after = page.next;
    } while (after !== undefined);
  }
}

/** The latest word on a recipient: the host's reply, or why none was given. */
export function lastWord(detail: object | undefined): string {
  const { reply, reason, host } = readOutcomeDetail(detail);
  const said = reply ? `${reply.code} ${reply.lines.join(' ')}` : (reason ?? '');
  return host && said ? `${host}: ${said}` : said;
}
