import type { Context, MiddlewareHandler } from 'hono';
import type { AuditLog } from '../audit-log.ts';
import type { ApiEnv } from './api.ts';

/**
 * Requests other than GET that change nothing, or only accept messages, which the log of events records.
 */
const unaudited: ReadonlySet<string> = new Set([
  '/v1/messages',
  '/v1/messages/batch',
  '/v1/messages/templated',
  '/v1/explain',
  '/v1/verify',
]);

const maxText = 200;
const maxMembers = 20;
const maxDepth = 4;
/** Longest JSON that is looked at, in octets. */
const maxBodyBytes = 1024 * 1024;
/** Longest summary of a body, in octets of JSON: with the rest of its entry it must fit into a record. */
const maxSummaryBytes = 16 * 1024;
const secretName = /secret|token|password|passphrase|private|credential|authorization/i;

/** Writes each change into the audit log, before it is made and with its result. */
export function audit(
  log: AuditLog,
  clientAddress: (request: Request) => string | undefined,
): MiddlewareHandler<ApiEnv> {
  return async (context, next) => {
    const { method, path } = context.req;
    if (['GET', 'HEAD', 'OPTIONS'].includes(method) || unaudited.has(path)) return next();
    const key = context.get('key');
    const address = clientAddress(context.req.raw);
    const details = await detailsOf(context);
    const finish = await log.begin({
      keyId: key.id,
      keyName: key.name,
      ...(key.tenant !== undefined && { tenant: key.tenant }),
      session: context.get('session') !== undefined,
      ...(address !== undefined && { address }),
      method,
      path: shortened(decodedPath(path)) as string,
      ...(Object.keys(details).length > 0 && { details }),
    });
    await next();
    await finish(context.res.status);
  };
}

async function detailsOf(context: Context<ApiEnv>): Promise<Record<string, unknown>> {
  const query = context.req.query();
  const given = Object.keys(query).length > 0 ? { query: summaryOf(query, 0) } : {};
  const isJson = /^application\/json\b/i.test(context.req.header('content-type') ?? '');
  const length = Number(context.req.header('content-length') ?? Number.NaN);
  if (!isJson || !(length <= maxBodyBytes)) {
    return length > 0 ? { ...given, bodyBytes: length } : given;
  }
  try {
    const body = summaryOf(await context.req.raw.clone().json(), 0);
    if (Buffer.byteLength(JSON.stringify(body)) <= maxSummaryBytes) return { ...given, body };
  } catch {
    // The route says what is wrong with it.
  }
  return { ...given, bodyBytes: length };
}

/** A value with its long texts and lists shortened, and its secrets left out. */
function summaryOf(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return shortened(withoutPassword(value));
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= maxDepth) return '…';
  if (Array.isArray(value)) {
    const shown = value.slice(0, maxMembers).map((member) => summaryOf(member, depth + 1));
    return value.length > maxMembers ? [...shown, `… ${value.length - maxMembers} more`] : shown;
  }
  const members = Object.entries(value).slice(0, maxMembers);
  return Object.fromEntries(
    members.map(([name, member]) => [
      shortened(name),
      secretName.test(name) ? '(not shown)' : summaryOf(member, depth + 1),
    ]),
  );
}

/** A URL may hold a user name and a password (RFC 3986 §3.2.1). */
function withoutPassword(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/?#@\s]*@/i, '$1(not shown)@');
}

function shortened(text: string): string {
  const whole = text.toWellFormed();
  return whole.length > maxText ? `${whole.slice(0, maxText).toWellFormed()}…` : whole;
}

function decodedPath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
