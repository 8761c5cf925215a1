import type { Alerts } from '@mb/broker/alerts';
import type { ManagedDomains } from '@mb/broker/domains';
import type { Resolver } from '@mb/dns';
import { bodyLimit } from 'hono/body-limit';
import { secureHeaders } from 'hono/secure-headers';
import type { AuditLog } from '../audit-log.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import { type Api, type ApiParts, createApi } from './api.ts';
import { audit } from './audit.ts';
import { type AuthenticationParts, authentication } from './authentication.ts';
import { tooLong } from './body.ts';
import { LoadGuard } from './load-guard.ts';
import { answerError, Problem } from './problem.ts';
import { addAcceptRoutes } from './routes/accept.ts';
import { addAlertRoutes } from './routes/alerts.ts';
import { addAuditRoutes } from './routes/audit.ts';
import { addDestinationRoutes } from './routes/destinations.ts';
import { addDomainRoutes } from './routes/domains.ts';
import { addEventRoutes } from './routes/events.ts';
import { addExplainRoutes } from './routes/explain.ts';
import { addHealthRoute, addProbeRoutes } from './routes/health.ts';
import { addKeyRoutes } from './routes/keys.ts';
import { addMessageRoutes } from './routes/messages.ts';
import { addMetricsRoute } from './routes/metrics.ts';
import { addPreviewRoutes } from './routes/preview.ts';
import { addRecipientRoutes } from './routes/recipients.ts';
import { addReplyRuleRoutes } from './routes/reply-rules.ts';
import { addReportRoutes } from './routes/reports.ts';
import { addResendRoute } from './routes/resend.ts';
import { addSessionRoutes } from './routes/session.ts';
import { addStatsRoutes } from './routes/stats.ts';
import { addSuppressionRoutes } from './routes/suppressions.ts';
import { addVerifyRoute } from './routes/verify.ts';
import { addWebhookRoutes } from './routes/webhooks.ts';

/** What the application takes. */
export interface AppParts extends ApiParts, AuthenticationParts {
  /** For `/metrics`. */
  readonly metrics: Metrics;
  readonly isDraining: () => boolean;
  readonly auditLog: AuditLog;
  /** Serves the dashboard at /ui. */
  readonly dashboard: ((request: Request) => Promise<Response>) | undefined;
  /** Most requests at once; more are answered with 503. */
  readonly maxInFlight: number;
  readonly version: string;
  /** For `/v1/verify`. */
  readonly resolver: Resolver;
  /** For `/v1/domains`. */
  readonly domains: ManagedDomains;
  /** For `/v1/alerts`. */
  readonly alerts: Pick<Alerts, 'list' | 'test'>;
}

/** The HTTP API: resources under /v1, and /livez, /readyz and /openapi.json. */
export function createApp(parts: AppParts): Api {
  const api = createApi();
  const { onError, maxMessageBytes } = parts;
  api.onError((error, context) => answerError(error, context, onError));
  api.notFound((context) =>
    new Problem(
      404,
      'MB_SERVER_NOT_FOUND',
      `There is no ${context.req.method} ${context.req.path} here.`,
    ).toResponse(),
  );
  api.use(secureHeaders());
  // A client that keeps its connection would not move to another server.
  api.use(async (context, next) => {
    await next();
    if (parts.isDraining()) context.header('connection', 'close');
  });
  addProbeRoutes(api, parts, parts.isDraining);
  api.use('/metrics', authentication(parts));
  addMetricsRoute(api, parts.metrics);
  api.use('/v1/*', new LoadGuard(parts.maxInFlight).middleware());
  api.use('/v1/*', authentication(parts));
  api.use('/v1/*', audit(parts.auditLog, parts.clientAddress));
  const limit = bodyLimit({
    // JSON takes more than the octets that it holds.
    maxSize: maxMessageBytes * 2,
    onError: () => {
      throw tooLong(maxMessageBytes * 2);
    },
  });
  // A message that is posted alone is bounded while it is streamed.
  api.use('/v1/*', (context, next) => (context.req.path === '/v1/messages' ? next() : limit(context, next)));
  addSessionRoutes(api, parts.sessions);
  addAuditRoutes(api, parts.auditLog);
  addAcceptRoutes(api, parts);
  addMessageRoutes(api, parts);
  addResendRoute(api, parts);
  addPreviewRoutes(api, parts);
  addRecipientRoutes(api, parts);
  addEventRoutes(api, parts);
  addSuppressionRoutes(api, parts);
  addDestinationRoutes(api, parts);
  addReplyRuleRoutes(api, parts);
  addKeyRoutes(api, parts);
  addWebhookRoutes(api, parts);
  addDomainRoutes(api, parts.domains);
  addAlertRoutes(api, parts.alerts);
  addExplainRoutes(api, parts);
  addStatsRoutes(api, parts);
  addReportRoutes(api, parts);
  addVerifyRoute(api, parts);
  addHealthRoute(api, parts);
  addDocument(api, parts.version);
  const { dashboard } = parts;
  if (dashboard) api.on(['GET', 'HEAD'], ['/ui', '/ui/*'], (context) => dashboard(context.req.raw));
  return api;
}

function addDocument(api: Api, version: string): void {
  api.openAPIRegistry.registerComponent('securitySchemes', 'bearer', {
    type: 'http',
    scheme: 'bearer',
    description: 'A key, as `mb key new` or POST /v1/keys makes it.',
  });
  api.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: '@mb/server',
      version,
      description:
        'Accepts mail, delivers it straight to the mail exchangers of its recipients, and reports the outcome.',
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [{ url: '/' }],
    tags: [
      { name: 'messages', description: 'Accept and read messages' },
      { name: 'recipients', description: 'The queue, recipient by recipient' },
      { name: 'events', description: 'What happened' },
      { name: 'suppressions', description: 'Addresses that get no mail' },
      { name: 'destinations', description: 'Where mail goes' },
      { name: 'domains', description: 'Who mail is sent as, and the keys that sign it' },
      { name: 'webhooks', description: 'Programs that are notified of what happens' },
      { name: 'alerts', description: 'What is wrong' },
      { name: 'stats', description: 'What happened, by span of time' },
      { name: 'reports', description: 'What receivers report about mail that uses our domains' },
      { name: 'keys', description: 'Who may use this API' },
      { name: 'session', description: 'Logging in, for browsers' },
      { name: 'audit', description: 'Who changed what' },
      { name: 'explain', description: 'What would happen' },
      { name: 'health', description: 'The state of the service' },
    ],
  });
}
