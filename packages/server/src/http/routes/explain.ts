import { z } from '@hono/zod-openapi';
import { explainReply, parseReply } from '@mb/broker';
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
      request: { query: z.strictObject({ reply: z.string().min(3).max(2000) }) },
      responses: { 200: json(document, 'The rule, and what follows') },
    }),
    (context) => {
      const explained = explainReply(parseReply(context.req.valid('query').reply));
      return context.json(JSON.parse(JSON.stringify(explained)) as z.infer<typeof document>, 200);
    },
  );
}
