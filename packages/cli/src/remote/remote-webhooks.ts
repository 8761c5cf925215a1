import type { DeadLetter, WebhookAttempt, WebhookEndpoint, WebhookStatus } from '@mb/broker';
import type { components, ServerClient } from '@mb/server/client';
import { allRows } from '../every-row.ts';
import type { WebhookAccess } from '../webhook/webhook-access.ts';
import { dataIfAny, dataOf } from './api.ts';

type Schemas = components['schemas'];

/** The webhooks of a server, with the operations of a queue opened by this process. */
// Long because it implements every method of the interface.
export function remoteWebhooks(client: ServerClient): WebhookAccess {
  const at = (id: string) => ({ params: { path: { id } } });
  const show = (id: string) => dataIfAny(client.GET('/v1/webhooks/{id}', at(id)));
  return {
    async add(given) {
      const { secret, ...webhook } = await dataOf(client.POST('/v1/webhooks', { body: given as never }));
      return { endpoint: endpointOf(webhook), secret };
    },
    async list({ after, limit } = {}) {
      const query = { ...(after !== undefined && { after }), ...(limit !== undefined && { limit }) };
      const { data, next } = await dataOf(client.GET('/v1/webhooks', { params: { query } }));
      return { rows: data.map(endpointOf), ...(next !== undefined && { next }) };
    },
    async get(id) {
      const webhook = await show(id);
      return webhook ? endpointOf(webhook) : null;
    },
    async status(id) {
      const { status } = await dataOf(client.GET('/v1/webhooks/{id}', at(id)));
      return statusOf(status!);
    },
    async lags() {
      const lags = await allRows(async (query) => {
        const { data, next } = await dataOf(client.GET('/v1/webhooks', { params: { query } }));
        const enabled = data.filter((one) => one.enabled);
        return { rows: enabled.map(({ id, status }) => ({ id, lagMs: status!.lagMs })), next };
      });
      return lags.sort((a, b) => b.lagMs - a.lagMs);
    },
    async change(id, changes) {
      const options = { ...at(id), body: changes as never };
      return endpointOf(await dataOf(client.PATCH('/v1/webhooks/{id}', options)));
    },
    async remove(id) {
      const { error, response } = await client.DELETE('/v1/webhooks/{id}', at(id));
      if (response.status === 404) return false;
      await dataOf(Promise.resolve({ error, response }));
      return true;
    },
    async rotateSecret(id, given = {}) {
      const options = { ...at(id), body: given as never };
      const { secret, ...webhook } = await dataOf(client.POST('/v1/webhooks/{id}/rotate-secret', options));
      return { endpoint: endpointOf(webhook), secret };
    },
    async test(id) {
      return attemptOf(await dataOf(client.POST('/v1/webhooks/{id}/test', at(id))));
    },
    async attempts(id) {
      return (await dataOf(client.GET('/v1/webhooks/{id}/attempts', at(id)))).data.map(attemptOf);
    },
    async deadLetters(id, page = {}) {
      const options = { params: { path: { id }, query: page as never } };
      const { data, next } = await dataOf(client.GET('/v1/webhooks/{id}/dead-letters', options));
      return { rows: data.map(deadLetterOf), ...(next !== undefined && { next }) };
    },
    async replay(id, { ids, from, to }) {
      const body = {
        ...(ids && { ids: [...ids] }),
        ...(from !== undefined && { from: new Date(from).toISOString() }),
        ...(to !== undefined && { to: new Date(to).toISOString() }),
      };
      return (await dataOf(client.POST('/v1/webhooks/{id}/replay', { ...at(id), body }))).replayed;
    },
  };
}

function endpointOf({ createdAt, secrets, status: _, ...rest }: Schemas['Webhook']): WebhookEndpoint {
  return {
    ...rest,
    createdAt: Date.parse(createdAt),
    secrets: secrets.map((one) => ({
      createdAt: Date.parse(one.createdAt),
      ...(one.expiresAt !== undefined && { expiresAt: Date.parse(one.expiresAt) }),
    })),
  } as WebhookEndpoint;
}

function statusOf(status: Schemas['WebhookStatus']): WebhookStatus {
  const times = ['upTo', 'lastSuccessAt', 'lastFailureAt', 'failingSince'] as const;
  const read = times.flatMap((name) => {
    const text = status[name];
    return text === undefined ? [] : [[name, Date.parse(text)] as const];
  });
  return { ...status, ...Object.fromEntries(read) } as unknown as WebhookStatus;
}

function attemptOf({ at, ...rest }: Schemas['WebhookAttempt']): WebhookAttempt {
  return { ...rest, at: Date.parse(at) } as WebhookAttempt;
}

function deadLetterOf(letter: Schemas['DeadLetter']): DeadLetter {
  const { id, eventId, type, at, messageId, data, attempts, diedAt, error } = letter;
  return {
    id,
    event: { id: eventId, type, at: Date.parse(at), data, ...(messageId !== undefined && { messageId }) },
    attempts,
    diedAt: Date.parse(diedAt),
    error,
  };
}
