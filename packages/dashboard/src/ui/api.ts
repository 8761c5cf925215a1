import type { components, paths } from '@mb/server/client';
import { signal } from '@preact/signals';
import createClient from 'openapi-fetch';

/** The shapes of the API. */
export type Schemas = components['schemas'];
/** Who is logged in. */
export type Session = Schemas['Session'];

const root = document.querySelector<HTMLMetaElement>('meta[name="mb-api"]')?.content ?? '../';
/** Where `v1/` is, with a slash at its end. */
export const apiRoot = new URL(root, document.baseURI).href;

/** Undefined until it is known whether a user is logged in; null: no user is. */
export const session = signal<Session | null | undefined>(undefined);
/** Why the login page is shown. */
export const loggedOutReason = signal<string | undefined>(undefined);
/** Whether the server answered the last request. */
export const online = signal(true);

/** A client of the API, by the session's cookie. Changes need the header, which no other site can send. */
export const api = createClient<paths>({
  baseUrl: apiRoot.replace(/\/$/, ''),
  credentials: 'same-origin',
  headers: { 'x-mb-request': '1' },
  fetch: watchedFetch,
});

async function watchedFetch(request: Request): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(request);
  } catch (cause) {
    online.value = false;
    throw new Error('The server does not answer.', { cause });
  }
  online.value = true;
  if (response.status === 401 && session.value) {
    session.value = null;
    loggedOutReason.value = 'Your session is over, or its key was revoked. Log in again.';
  }
  return response;
}

/** What the API answered. @throws with the sentence of the problem */
export function dataOf<Data>(result: {
  readonly data?: Data | undefined;
  readonly error?: { readonly detail?: string } | undefined;
  readonly response: Response;
}): Data {
  if (result.response.ok) return result.data as Data;
  throw new Error(result.error?.detail ?? `The server answered with ${result.response.status}.`);
}

/** Asks who is logged in. */
export async function loadSession(): Promise<void> {
  try {
    const { data, response } = await api.GET('/v1/session');
    if (data) session.value = data;
    else if (response.status === 401) session.value = null;
  } catch {
    // `online` shows the failure, and the request is repeated.
    setTimeout(loadSession, 2000);
  }
}

/** Exchanges a token for a session. */
export async function logIn(token: string, readOnly: boolean): Promise<void> {
  const result = await api.POST('/v1/session', {
    body: { readOnly },
    headers: { authorization: `Bearer ${token}` },
  });
  session.value = dataOf(result);
  loggedOutReason.value = undefined;
}

export async function logOut(): Promise<void> {
  const { response } = await api.DELETE('/v1/session');
  if (!response.ok && response.status !== 401) throw new Error('The server could not end the session.');
  session.value = null;
  loggedOutReason.value = undefined;
}

/** Whether the session may do something. */
export function may(scope: 'send' | 'read' | 'content' | 'operate' | 'admin'): boolean {
  return session.value?.key.scopes.includes(scope) ?? false;
}

/** Whether the session is one of all tenants: destinations and the health of the service are shared. */
export function seesAll(): boolean {
  return session.value?.key.tenant === undefined;
}
