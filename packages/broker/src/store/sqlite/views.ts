import { formatRecipientId, type MessageView, type Page, type RecipientView, unrouted } from '../port.ts';
import { isFinal, shownState } from '../recipient-state.ts';
import type { CheckedSelector } from '../selector.ts';
import { fromJson, rowsPerMessage, stateOf } from './codes.ts';
import { selectWindow } from './command.ts';
import { storedSize } from './content.ts';
import type { WriteContext } from './write-context.ts';

/** Maximum number of windows that one page reads. */
const mostWindows = 5;

interface ViewRow {
  readonly id: number;
  readonly address: string;
  readonly domain: string;
  readonly site: string;
  readonly tenant: string;
  readonly tag: string | null;
  readonly state: number;
  readonly attempts: number;
  readonly due: number;
  readonly accepted: number;
  readonly expires: number;
  readonly finished: number | null;
  readonly detail: string | null;
}

const selectViews = `
  SELECT r.id, r.address, r.domain, l.site, m.tenant, m.tag, r.state, r.attempts, r.due, m.accepted, m.expires,
         r.finished, r.detail
  FROM mb_recipient r JOIN mb_lane l ON l.id = r.lane JOIN mb_message m ON m.id = r.id / ${rowsPerMessage}`;

export function listRecipients(
  context: WriteContext,
  selector: CheckedSelector,
  after: number,
  limit: number,
): Page<RecipientView> {
  const rows: RecipientView[] = [];
  let place = after;
  for (let i = 0; i < mostWindows; i++) {
    const { ids, next } = selectWindow(context, selector, place);
    for (const id of ids) {
      if (rows.length === limit) return { rows, next: String(place) };
      rows.push(viewOf(context.sql.get<ViewRow>(`${selectViews} WHERE r.id = ?`, id)!));
      place = id;
    }
    if (next === undefined) return { rows };
    place = next;
  }
  return { rows, next: String(place) };
}

export function inspectMessage({ sql }: WriteContext, messageId: string): MessageView | null {
  const id = /^\d{1,11}$/.test(messageId) ? Number(messageId) : -1;
  const message = sql.get<{
    tenant: string;
    tag: string | null;
    sender: string;
    size: number;
    accepted: number;
    expires: number;
    envelope: string | null;
  }>('SELECT * FROM mb_message WHERE id = ? AND staged = 0', id);
  if (!message) return null;
  const first = id * rowsPerMessage;
  const range = `${selectViews} WHERE r.id >= ? AND r.id < ? ORDER BY r.id`;
  const envelope = fromJson(message.envelope);
  return {
    messageId,
    tenant: message.tenant,
    ...(message.tag !== null && { tag: message.tag }),
    sender: message.sender,
    size: message.size,
    acceptedAt: message.accepted,
    expiresAt: message.expires,
    ...(envelope && { envelope }),
    hasContent: storedSize(sql, id) !== undefined,
    recipients: sql.all<ViewRow>(range, first, first + rowsPerMessage).map(viewOf),
  };
}

function viewOf(row: ViewRow): RecipientView {
  const state = stateOf(row.state);
  const messageId = String(Math.floor(row.id / rowsPerMessage));
  const detail = fromJson(row.detail);
  return {
    recipientId: formatRecipientId(messageId, row.id % rowsPerMessage),
    messageId,
    address: row.address,
    domain: row.domain,
    site: row.site === unrouted ? row.domain : row.site,
    tenant: row.tenant,
    ...(row.tag !== null && { tag: row.tag }),
    state: shownState(state),
    inFlight: state === 'in-flight',
    attempts: row.attempts,
    ...(state === 'queued' && { dueAt: row.due }),
    acceptedAt: row.accepted,
    expiresAt: row.expires,
    ...(isFinal(state) && row.finished !== null && { finishedAt: row.finished }),
    ...(detail && { detail }),
  };
}
