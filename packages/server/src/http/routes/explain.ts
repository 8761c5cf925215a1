import { z } from '@hono/zod-openapi';
import { explainReply, parseReply, replyRuleWords } from '@mb/broker';
import { strictObject } from '../../strict-object.ts';
import { type Api, type ApiParts, json, secured } from '../api.ts';
import { messageOf, messageSchema } from '../schema/message.ts';

const document = z.record(z.string(), z.unknown());

/** `/v1/explain` and `/v1/explain-reply`: what would happen, and what a reply means. */
export function addExplainRoutes(api: Api, { broker }: ApiParts): void {
  api.openapi(
    secured('send', {
      method: 'post',
      path: '/v1/explain',
      summary: 'What delivery of a message would do, without a connection to any mail host',
      tags: ['explain'],
      request: { body: { required: true, content: { 'application/json': { schema: messageSchema } } } },
      responses: { 200: json(document, 'Groups, routes, hosts, TLS policies and signatures') },
    }),
    async (context) => {
      const explanation = await broker.explain(messageOf(context.req.valid('json')), {
        signal: context.req.raw.signal,
      });
      return context.json(JSON.parse(JSON.stringify(explanation)) as z.infer<typeof document>, 200);
    },
  );
  api.openapi(
    secured('read', {
      method: 'get',
      path: '/v1/explain-reply',
      summary: 'Which rule fits a reply of a mail host, and what follows',
      tags: ['explain'],
      description: 'Uses the rules of `/v1/reply-rules`, then those of the broker.',
      request: {
        query: strictObject({
          reply: z.string().min(3).max(2000),
          host: z.string().min(1).max(255).optional().openapi({ description: 'Name of the mail exchanger.' }),
          stage: z.enum(replyRuleWords.stage).optional().openapi({ description: 'Default `rcpt`.' }),
        }),
      },
      responses: { 200: json(document, 'The rule, and what follows') },
    }),
    async (context) => {
      const { reply, host, stage = 'rcpt' } = context.req.valid('query');
      const { rules } = await broker.queue.replyRules();
      const explained = explainReply(parseReply(reply), { stage, host }, rules);
      return context.json(JSON.parse(JSON.stringify(explained)) as z.infer<typeof document>, 200);
    },
  );
}
