import { createHash } from 'node:crypto';
import {
  type Context,
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { MailBroker } from '../broker.ts';
import type { Observation } from '../observer.ts';

/**
 * Makes spans of what is observed of a message: its acceptance, each attempt and each call of a webhook.
 *
 * All spans of a message are in one trace, in whatever process they are made and days apart: the ids of the trace and of
 * its root are derived from the id of the message. The span of the acceptance links to the span of the request that it
 * was made in.
 */
export function traceObservations(
  broker: Pick<MailBroker, 'observe'>,
  { tracer, isRecording }: { readonly tracer: Tracer; readonly isRecording: () => boolean },
): () => void {
  return broker.observe(
    (seen) => {
      if (!isRecording()) return;
      if (seen.type === 'accept') traceAcceptance(tracer, seen);
      else if (seen.type === 'attempt') traceAttempt(tracer, seen);
      else if (seen.type === 'webhook') traceCall(tracer, seen);
    },
    { types: ['accept', 'attempt', 'webhook'] },
  );
}

type Of<Type> = Extract<Observation, { readonly type: Type }>;

function traceAcceptance(
  tracer: Tracer,
  { queueId, recipients, endedAt, durationMs, tenant }: Of<'accept'>,
): void {
  const request = trace.getSpanContext(context.active());
  const span = tracer.startSpan(
    'accept message',
    {
      kind: SpanKind.PRODUCER,
      startTime: endedAt - durationMs,
      attributes: {
        'messaging.system': 'mb',
        'messaging.message.id': queueId,
        'mb.recipients': recipients,
        ...(tenant !== undefined && { 'mb.tenant': tenant }),
      },
      ...(request && { links: [{ context: request }] }),
    },
    messageContext(queueId),
  );
  span.end(endedAt);
}

function traceAttempt(
  tracer: Tracer,
  { queueId, messageId, domain, attempt, outcomes, durationMs, endedAt, profile }: Of<'attempt'>,
): void {
  const span = tracer.startSpan(
    `deliver to ${domain}`,
    {
      kind: SpanKind.CLIENT,
      startTime: endedAt - durationMs,
      attributes: {
        'messaging.system': 'mb',
        'messaging.message.id': queueId ?? messageId,
        'mb.domain': domain,
        'mb.attempt': attempt,
        'mb.recipients': outcomes.length,
        ...(profile !== undefined && { 'mb.profile': profile }),
        ...(outcomes[0]?.host !== undefined && { 'server.address': outcomes[0].host }),
      },
    },
    messageContext(queueId ?? messageId),
  );
  for (const outcome of outcomes) {
    const code = outcome.reply?.code;
    span.addEvent(
      outcome.status,
      {
        ...('category' in outcome && { 'mb.category': outcome.category }),
        ...(code !== undefined && { 'smtp.reply': code }),
      },
      endedAt,
    );
  }
  if (outcomes.some(({ status }) => status !== 'delivered')) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(endedAt);
}

function traceCall(
  tracer: Tracer,
  { endpoint, event, eventId, messageId, attempt, succeeded, status, durationMs, endedAt }: Of<'webhook'>,
): void {
  if (messageId === undefined) return;
  const span = tracer.startSpan(
    `webhook ${event}`,
    {
      kind: SpanKind.CLIENT,
      startTime: endedAt - durationMs,
      attributes: {
        'mb.webhook': endpoint,
        'mb.event.id': eventId,
        'mb.attempt': attempt,
        ...(status !== undefined && { 'http.response.status_code': status }),
      },
    },
    messageContext(messageId),
  );
  if (!succeeded) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end(endedAt);
}

/** The context of a message's trace, the same in every process. */
function messageContext(id: string): Context {
  const digest = createHash('sha256').update(`mb message ${id}`).digest('hex');
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId: digest.slice(0, 32),
    spanId: digest.slice(32, 48),
    traceFlags: TraceFlags.SAMPLED,
    isRemote: true,
  });
}
