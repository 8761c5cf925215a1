import { createRoute, OpenAPIHono, type RouteConfig, type z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ApiKey, ApiKeys, Scope } from '../api-keys.ts';
import type { ServedBroker } from '../current-broker.ts';
import type { ReportArchive } from '../reports/report-archive.ts';
import type { TlsResults } from '../reports/tls-results.ts';
import type { Session } from '../sessions.ts';
import { Problem, problemOfSchema } from './problem.ts';
import { problemSchema } from './schema/view.ts';

/** What the routes work on. */
export interface ApiParts {
  readonly broker: ServedBroker;
  readonly keys: ApiKeys;
  readonly reports: ReportArchive;
  readonly tlsResults: TlsResults;
  readonly now: () => number;
  /** Longest message, in octets. */
  readonly maxMessageBytes: number;
  readonly onError: (error: unknown) => void;
}

/** What the middleware leaves for the routes. */
export interface ApiEnv {
  Variables: {
    key: ApiKey;
    /** Absent when the request came with the token of a key. */
    session?: Session;
  };
}

/** The application that resources add their routes to. */
export type Api = OpenAPIHono<ApiEnv>;

/** An application whose failed checks are problems. */
export function createApi(): Api {
  return new OpenAPIHono<ApiEnv>({
    defaultHook: (result) => {
      if (!result.success) throw problemOfSchema(result.error.issues, result.target);
    },
  });
}

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: problemSchema } },
});

/** Responses that every route may give. */
const commonResponses = {
  401: problem('No key, or a wrong one'),
  403: problem('The key may not do this'),
  404: problem("There is no such object, or it is another tenant's"),
  422: problem('The request is not valid; `errors` names the places'),
  429: problem('Too many requests; see Retry-After'),
  503: problem('Overloaded, or the queue cannot be used; see Retry-After'),
};

/** A JSON response of a route. */
export function json<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { description, content: { 'application/json': { schema } } };
}

/** Declares a route that needs a scope; the document and the check come from the same word. */
export function secured<
  const Path extends string,
  const Route extends Omit<RouteConfig, 'path'> & { path: Path },
>(scope: Scope, route: Route) {
  return createRoute({
    ...route,
    security: [{ bearer: [scope] }],
    responses: { ...commonResponses, ...route.responses } as Route['responses'] & typeof commonResponses,
    middleware: [
      async (context: Context<ApiEnv>, next: () => Promise<void>) => {
        requireScope(context.get('key'), scope);
        await next();
      },
    ] as const,
  });
}

/** @throws {Problem} 403 */
export function requireScope({ scopes }: ApiKey, scope: Scope): void {
  if (scopes.includes(scope)) return;
  throw new Problem(
    403,
    'MB_SERVER_SCOPE',
    `This key has no scope "${scope}"; it has: ${scopes.join(', ')}.`,
  );
}

/**
 * The tenant that a request is about: the key's own, or the one that a key of all tenants names.
 *
 * @throws {Problem} 403 when the key is another tenant's.
 */
export function tenantFor(key: ApiKey, asked?: string): string | undefined {
  if (key.tenant === undefined || asked === undefined || asked === key.tenant) return key.tenant ?? asked;
  throw new Problem(403, 'MB_SERVER_TENANT', 'This key may act only for its own tenant.');
}

/** Whether a key may see what belongs to a tenant. */
export function sees(key: ApiKey, tenant: string): boolean {
  return key.tenant === undefined || key.tenant === tenant;
}

/** What is shared by all tenants may be looked at and changed only with a key of all tenants. @throws {Problem} 403 */
export function requireAllTenants(key: ApiKey): void {
  if (key.tenant === undefined) return;
  throw new Problem(
    403,
    'MB_SERVER_TENANT',
    'This needs a key of all tenants: destinations and keys are shared.',
  );
}

/** The same answer for what is not there and for what is another tenant's. */
export function notFound(what: string): Problem {
  return new Problem(404, 'MB_SERVER_NOT_FOUND', `There is no such ${what}.`);
}
