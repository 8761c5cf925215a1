import type { components, ServerClient } from '@mb/server/client';
import { dataOf } from './api.ts';

type Schemas = components['schemas'];

/** The alerts of a server. */
export function remoteAlerts(client: ServerClient): {
  list(): Promise<{ readonly data: readonly Schemas['Alert'][] }>;
  test(): Promise<Schemas['AlertTest']>;
} {
  return {
    list: () => dataOf(client.GET('/v1/alerts')),
    test: () => dataOf(client.POST('/v1/alerts/test')),
  };
}
