import type { ApiKey, ApiKeys, Scope } from '@mb/server';
import type { components, ServerClient } from '@mb/server/client';
import { everyRow } from '../every-row.ts';
import { dataOf, deletedIfAny } from './api.ts';

/** The API keys of a server, with the operations of a queue opened by this process. */
export function remoteKeys(client: ServerClient): Pick<ApiKeys, 'create' | 'list' | 'get' | 'revoke'> {
  const list: ApiKeys['list'] = async ({ after, limit } = {}) => {
    const query = { ...(after !== undefined && { after }), ...(limit !== undefined && { limit }) };
    const { data, next } = await dataOf(client.GET('/v1/keys', { params: { query } }));
    return { rows: data.map(keyOf), ...(next !== undefined && { next }) };
  };
  return {
    list,
    async create(given) {
      const { token, ...key } = await dataOf(client.POST('/v1/keys', { body: given as never }));
      return { token, key: keyOf(key) };
    },
    async get(id) {
      for await (const key of everyRow(list)) if (key.id === id) return key;
      return undefined;
    },
    revoke: (id) => deletedIfAny(client.DELETE('/v1/keys/{id}', { params: { path: { id } } })),
  };
}

function keyOf(key: components['schemas']['ApiKey']): ApiKey {
  return { ...key, scopes: key.scopes as Scope[] } as ApiKey;
}
