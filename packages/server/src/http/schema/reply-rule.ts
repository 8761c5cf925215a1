import { z } from '@hono/zod-openapi';
import { replyRuleWords } from '@mb/broker';
import { strictObject } from '../../strict-object.ts';

const text = z.string().min(1).max(200);
const oneOrMore = <Schema extends z.ZodType>(schema: Schema) =>
  z.union([schema, z.array(schema).min(1).max(100)]);

/** A reply rule as the API takes and shows it; the broker checks the rest, such as ids given twice. */
export const replyRuleSchema = strictObject({
  id: z
    .string()
    .regex(/^[\w.:-]{1,64}$/)
    .openapi({ description: 'Names the rule in outcomes; unique.' }),
  code: oneOrMore(z.union([z.int().min(400).max(599), z.enum(['4yz', '5yz'])])).optional(),
  enhanced: oneOrMore(text)
    .optional()
    .openapi({ description: 'Such as `5.1.1`, `5.7.*`, or `none` for a reply without.' }),
  stage: oneOrMore(z.enum(replyRuleWords.stage)).optional(),
  text: oneOrMore(text).optional().openapi({ description: 'Phrases; `*` stands for any text.' }),
  host: oneOrMore(text)
    .optional()
    .openapi({ description: 'Name of the mail exchanger: `mx.example.com`, or `*.example.com`.' }),
  relay: z.boolean().optional(),
  shared: z.boolean().optional(),
  category: z.enum(replyRuleWords.category),
  scope: z.enum(replyRuleWords.scope),
  action: z.enum(replyRuleWords.action),
  afterMs: z.int().min(1).optional(),
  source: z.string().max(1000).optional(),
}).openapi('ReplyRule');
