import type {
  ListSelector,
  MessageView,
  NewSuppression,
  QueueStats,
  RecipientView,
  Selector,
  SelectorConditions,
  SiteView,
  Suppression,
} from '@mb/broker';
import type { components, ServerClient } from '@mb/server/client';
import { CliError } from '../errors.ts';
import { everyRow } from '../every-row.ts';
import type { QueueAccess } from '../queue/queue-access.ts';
import { dataIfAny, dataOf, deletedIfAny } from './api.ts';

type Schemas = components['schemas'];

/** The queue of a server, with the operations of a queue opened by this process. */
export function remoteQueue(client: ServerClient): QueueAccess {
  return {
    control: remoteControl(client),
    suppressions: remoteSuppressions(client),
    stats: () => remoteStats(client),
  };
}

function remoteControl(client: ServerClient): QueueAccess['control'] {
  const change = (action: 'hold' | 'release' | 'cancel' | 'retry') => async (selector: Selector) => {
    const body = queryOf(selector) as Schemas['Selector'];
    return (await dataOf(client.POST(`/v1/recipients/${action}`, { body }))).changed;
  };
  return {
    async list(selector = {}, page = {}) {
      // The API lists everything when there is no condition.
      const { all: _, ...conditions } = queryOf(selector);
      const query = { ...conditions, ...page } as Record<string, never>;
      const { data, next } = await dataOf(client.GET('/v1/recipients', { params: { query } }));
      return { rows: data.map(recipientOf), ...(next !== undefined && { next }) };
    },
    async show(id) {
      const found = await dataIfAny(client.GET('/v1/messages/{id}', { params: { path: { id } } }));
      return found ? messageOf(found) : null;
    },
    async *content(id) {
      const params = { path: { id } };
      const content = await dataOf(client.GET('/v1/messages/{id}/content', { params, parseAs: 'stream' }));
      yield* content as unknown as AsyncIterable<Uint8Array>;
    },
    hold: change('hold'),
    release: change('release'),
    cancel: change('cancel'),
    retry: change('retry'),
    suspend: (destination, note) =>
      patchDestination(client, destination, { suspended: true, ...(note !== undefined && { note }) }),
    resume: (destination) => patchDestination(client, destination, { suspended: false }),
  };
}

async function patchDestination(
  client: ServerClient,
  destination: string,
  body: Schemas['DestinationSettings'],
): Promise<void> {
  const params = { path: { destination } };
  await dataOf(client.PATCH('/v1/destinations/{destination}', { params, body }));
}

function remoteSuppressions(client: ServerClient): QueueAccess['suppressions'] {
  const list: QueueAccess['suppressions']['list'] = async ({ tenant, after, limit } = {}) => {
    const query = {
      ...(after !== undefined && { after }),
      ...(limit !== undefined && { limit }),
      ...(tenant && { tenant }),
    };
    const { data, next } = await dataOf(client.GET('/v1/suppressions', { params: { query } }));
    return { rows: data.map(suppressionOf), ...(next !== undefined && { next }) };
  };
  return {
    list,
    async find(addresses, tenant = '') {
      const wanted = new Set(addresses.map((address) => address.toLowerCase()));
      const found: Suppression[] = [];
      for await (const entry of everyRow((page) => list({ tenant, ...page })))
        if (wanted.has(entry.address.toLowerCase())) found.push(entry);
      return found;
    },
    async add(entries) {
      for (const tenant of new Set(entries.map((entry) => entry.tenant))) {
        const own = entries.filter((entry) => entry.tenant === tenant);
        const body = { entries: own.map(entryOf), ...(tenant !== undefined && { tenant }) };
        await dataOf(client.POST('/v1/suppressions', { body }));
      }
    },
    async lift(addresses, tenant) {
      let lifted = 0;
      for (const address of addresses) {
        const params = { path: { address }, query: tenant === undefined ? {} : { tenant } };
        if (await deletedIfAny(client.DELETE('/v1/suppressions/{address}', { params }))) lifted += 1;
      }
      return lifted;
    },
  };
}

async function remoteStats(client: ServerClient): Promise<QueueStats> {
  const [health, destinations] = await Promise.all([
    dataOf(client.GET('/v1/health')),
    dataOf(client.GET('/v1/destinations')),
  ]);
  const { queued, inFlight, held, unknown, oldestDueAt } = health;
  return {
    ...{ queued, inFlight, held, unknown },
    ...(oldestDueAt !== undefined && { oldestDueAt: Date.parse(oldestDueAt) }),
    sites: destinations.data.map(siteOf),
  };
}

/** The conditions of a selector with the names of the API. */
function queryOf(selector: Selector | ListSelector): Record<string, string | true> {
  const { site, tenant, ...rest } = selector as SelectorConditions & { readonly all?: true };
  if (tenant === null) {
    throw new CliError('MB_CLI_USAGE', '--no-tenant needs --store; it does not work with --server.');
  }
  return {
    ...(rest as Record<string, string | true>),
    ...(site !== undefined && { destination: site }),
    ...(tenant !== undefined && { tenant }),
  };
}

function recipientOf(view: Schemas['Recipient']): RecipientView {
  const { id, destination, nextAttemptAt, acceptedAt, expiresAt, finishedAt, tenant = '', ...rest } = view;
  return {
    ...rest,
    recipientId: id,
    site: destination,
    tenant,
    ...(nextAttemptAt !== undefined && { dueAt: Date.parse(nextAttemptAt) }),
    acceptedAt: Date.parse(acceptedAt),
    expiresAt: Date.parse(expiresAt),
    ...(finishedAt !== undefined && { finishedAt: Date.parse(finishedAt) }),
  };
}

function messageOf(view: Schemas['QueuedMessage']): MessageView {
  const { id, sizeBytes, acceptedAt, expiresAt, tenant = '', recipients, ...rest } = view;
  return {
    ...rest,
    messageId: id,
    tenant,
    size: sizeBytes,
    acceptedAt: Date.parse(acceptedAt),
    expiresAt: Date.parse(expiresAt),
    recipients: recipients.map(recipientOf),
  };
}

function suppressionOf({ since, tenant = '', ...rest }: Schemas['Suppression']): Suppression {
  return { ...rest, tenant, since: Date.parse(since) };
}

function entryOf({ address, reason }: NewSuppression) {
  return { address, reason };
}

function siteOf(view: Schemas['Destination']): SiteView {
  const { destination, pausedUntil, oldestDueAt, limits, learned, pauseReason, ...rest } = view;
  return {
    ...rest,
    site: destination,
    limits: limits as unknown as SiteView['limits'],
    learned: learned as unknown as SiteView['learned'],
    ...(pauseReason !== undefined && { pauseReason: pauseReason as NonNullable<SiteView['pauseReason']> }),
    ...(pausedUntil !== undefined && { pausedUntil: Date.parse(pausedUntil) }),
    ...(oldestDueAt !== undefined && { oldestDueAt: Date.parse(oldestDueAt) }),
  };
}
