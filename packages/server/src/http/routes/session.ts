import { createRoute, z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { Session, Sessions } from '../../sessions.ts';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiEnv, json } from '../api.ts';
import { sessionCookie } from '../authentication.ts';
import { Problem } from '../problem.ts';
import { problemSchema } from '../schema/view.ts';

const sessionSchema = z
  .object({
    key: z.object({
      id: z.string(),
      name: z.string(),
      tenant: z.string().optional(),
      scopes: z.array(z.string()).openapi({ description: 'What the session may do.' }),
    }),
    readOnly: z.boolean(),
    expiresAt: z.iso.datetime(),
  })
  .openapi('Session');

const unauthorized = {
  description: 'No valid key or session',
  content: { 'application/problem+json': { schema: problemSchema } },
};
/** Any key may log in, whatever its scopes. */
const anyKey = { tags: ['session'], security: [{ bearer: [] }] };

/** `/v1/session`: logging in with a key, for browsers. */
// Long because it is a list of routes.
export function addSessionRoutes(api: Api, sessions: Sessions): void {
  api.openapi(
    createRoute({
      ...anyKey,
      method: 'post',
      path: '/v1/session',
      summary: 'Log in: exchange the token of a key for a session',
      description:
        'The response sets a cookie (HttpOnly, SameSite=Strict). Requests with it may do what the key may; those that change something need the header `x-mb-request`.',
      request: {
        body: {
          required: true,
          content: {
            'application/json': {
              schema: strictObject({
                readOnly: z
                  .boolean()
                  .default(false)
                  .openapi({ description: 'True: the session changes nothing, whatever the key may do.' }),
              }),
            },
          },
        },
      },
      responses: { 201: json(sessionSchema, 'The session'), 401: unauthorized },
    }),
    async (context) => {
      if (context.get('session')) {
        throw new Problem(
          401,
          'MB_SERVER_UNAUTHORIZED',
          'Log in with the token of a key, not with a session.',
        );
      }
      const { session, value } = await sessions.create(
        context.get('key'),
        context.req.valid('json').readOnly,
      );
      setCookie(context, sessionCookie, value, {
        ...cookieOptions(context),
        expires: new Date(session.expiresAt),
      });
      return context.json(sessionView(session), 201, { 'cache-control': 'no-store' });
    },
  );
  api.openapi(
    createRoute({
      ...anyKey,
      method: 'get',
      path: '/v1/session',
      summary: 'Who is logged in, and what the session may do',
      responses: { 200: json(sessionSchema, 'The session'), 401: unauthorized },
    }),
    (context) => {
      const session = context.get('session');
      if (!session) throw noSession();
      return context.json(sessionView(session), 200, { 'cache-control': 'no-store' });
    },
  );
  api.openapi(
    createRoute({
      ...anyKey,
      method: 'delete',
      path: '/v1/session',
      summary: 'Log out',
      responses: { 204: { description: 'The session is over' }, 401: unauthorized },
    }),
    async (context) => {
      const value = getCookie(context, sessionCookie);
      if (!context.get('session') || value === undefined) throw noSession();
      await sessions.end(value);
      deleteCookie(context, sessionCookie, cookieOptions(context));
      return context.body(null, 204);
    },
  );
}

/**
 * No Path: the default (RFC 6265 §5.1.4) is that of the request without its last part: `/v1` as the browser sees it,
 * also behind a proxy that adds a prefix.
 */
function cookieOptions(context: Context<ApiEnv>) {
  const { protocol } = new URL(context.req.url);
  // The header of a proxy is trusted here: it can only make the cookie more restricted.
  const secure = protocol === 'https:' || context.req.header('x-forwarded-proto') === 'https';
  return { httpOnly: true, sameSite: 'Strict', secure, path: '' } as const;
}

function sessionView({ key, readOnly, expiresAt }: Session): z.infer<typeof sessionSchema> {
  const { id, name, tenant, scopes } = key;
  return {
    key: { id, name, ...(tenant !== undefined && { tenant }), scopes: [...scopes] },
    readOnly,
    expiresAt: new Date(expiresAt).toISOString(),
  };
}

function noSession(): Problem {
  return new Problem(401, 'MB_SERVER_UNAUTHORIZED', 'This needs a session: POST /v1/session begins one.');
}
