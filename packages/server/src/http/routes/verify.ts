import { isIP, isIPv6 } from 'node:net';
import { z } from '@hono/zod-openapi';
import { type LintReport, lintMessage, listVerdicts } from '@mb/broker/lint';
import type { Resolver } from '@mb/dns';
import { strictObject } from '../../strict-object.ts';
import { type Api, json, secured } from '../api.ts';
import { readBounded } from '../body.ts';
import { Problem } from '../problem.ts';

/** Longest message that is checked, in octets: it is held in memory. */
const maxBytes = 50 * 1024 * 1024;

const verdict = z.object({
  method: z.enum(['dkim', 'spf', 'dmarc']),
  result: z.string().openapi({ description: 'As RFC 8601 §2.7 names it.' }),
  detail: z.string(),
});
const finding = z.object({
  check: z.string(),
  severity: z.enum(['error', 'warning', 'ok']),
  message: z.string(),
  fix: z.string().optional(),
});
const report = z
  .object({ verdicts: z.array(verdict), author: z.string().optional(), findings: z.array(finding) })
  .openapi('Verification');

const query = strictObject({
  ip: z
    .string()
    .refine((text) => isIP(text) !== 0, 'must be an IP address')
    .optional()
    .openapi({ description: 'Address that the message came from. Default: SPF is not checked.' }),
  sender: z
    .string()
    .max(1000)
    .optional()
    .openapi({ description: 'Return path; empty, the default: the null one.' }),
  helo: z.string().min(1).max(255).optional().openapi({ description: 'What the client said in EHLO.' }),
  transactional: z
    .enum(['true', 'false'])
    .optional()
    .openapi({ description: 'Mail that is not sent in bulk needs no unsubscribe link.' }),
});

/** `/v1/verify`: what a receiver finds out about a message. */
export function addVerifyRoute(api: Api, { resolver }: { readonly resolver: Resolver }): void {
  api.openapi(
    secured('send', {
      method: 'post',
      path: '/v1/verify',
      summary: 'Check DKIM, SPF and DMARC of a message, and what large receivers ask for',
      description: 'The body is the message. Nothing is sent or kept.',
      tags: ['explain'],
      request: {
        query,
        body: { required: true, content: { 'message/rfc822': { schema: z.string() } } },
      },
      responses: { 200: json(report, 'What was found') },
    }),
    async (context) => {
      const { ip, sender = '', helo, transactional } = context.req.valid('query');
      const octets = await readBounded(context.req.raw, maxBytes);
      if (octets.length === 0) {
        throw new Problem(400, 'MB_SERVER_BODY', 'The request has no body; it must be the message.');
      }
      const found = await lintMessage(octets, {
        resolver,
        ...(ip !== undefined && { session: { ip, sender, helo: helo ?? addressLiteral(ip) } }),
        transactional: transactional === 'true',
      });
      return context.json(viewOf(found), 200);
    },
  );
}

function viewOf({ findings, authentication }: LintReport): z.infer<typeof report> {
  const author = authentication?.author;
  return {
    verdicts: authentication ? listVerdicts(authentication) : [],
    ...(author?.status === 'found' && { author: author.domain }),
    findings: [...findings],
  };
}

/** What a client without a name says in EHLO (RFC 5321 §4.1.3). */
function addressLiteral(ip: string): string {
  return isIPv6(ip) ? `[IPv6:${ip}]` : `[${ip}]`;
}
