import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BrokerError, MailBroker, MemoryStore } from '@mb/broker';
import { parseMessageTemplate } from '@mb/broker/template';
import { DkimError } from '@mb/dkim';
import { DnsError } from '@mb/dns';
import { MimeError } from '@mb/mime';
import { connect } from '@mb/smtp-client';
import { startSmtpHost } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { CliError } from '../src/errors.ts';

const root = join(import.meta.dirname, '../../..');
const page = readFileSync(join(root, 'docs/errors.md'), 'utf8');
const packages = ['mime', 'dkim', 'dns', 'smtp-client', 'broker', 'server', 'cli', 'testkit', 'nodemailer'];

/** Every code that the packages throw, from the union that types it. */
const codes = packages.flatMap((name) => {
  const source = readFileSync(join(root, 'packages', name, 'src/errors.ts'), 'utf8');
  const union = /export type \w+Code =([\s\S]*?);\n/.exec(source)?.[1] ?? '';
  const found = [...union.matchAll(/'(MB_[A-Z0-9_]+)'/g)].map(([, code]) => code ?? '');
  if (found.length === 0) throw new Error(`${name} has no union of codes.`);
  return found;
});

const [, kindRow = ''] = /\| `invalid-input` \|[^|]*\|([^|]*)\|/.exec(page) ?? [];
const listed = new Set([...kindRow.matchAll(/`(MB_[A-Z0-9_*]+)`/g)].map(([, code]) => code ?? ''));
const isUsers = (code: string) => listed.has(code) || (code.startsWith('MB_CLI_') && listed.has('MB_CLI_*'));

const base = { from: 'ann@example.com', to: 'bob@example.org', subject: 'x', text: 'y' };
const raw = (text: string) => new Uint8Array(Buffer.from(text));
const broker = () =>
  new MailBroker({
    hostname: 'mail.example.com',
    store: new MemoryStore({ maxMessageBytes: 1000 }),
    dns: { servers: ['127.0.0.1:1'] },
  });
async function deliverTo(address: string): Promise<unknown> {
  const host = await startSmtpHost({ hostname: 'mx.example.org' });
  const connection = await connect({
    host: 'mx.example.org',
    addresses: [host.address],
    port: host.port,
    hostname: 'mail.example.com',
  });
  try {
    return await connection.deliver({ from: 'ann@example.com', to: [address] }, raw('x'));
  } finally {
    await connection.close();
    await host.close();
  }
}

/** Of the packages where a call decides on the kind: what a user can do to get each code. */
const slips: Readonly<Record<string, readonly (() => unknown)[]>> = {
  MB_SMTP_ADDRESS: [
    () => deliverTo('a b'),
    () => deliverTo('bob'),
    () => deliverTo('bob@example.org\r\nRCPT TO:<eve@example.net>'),
  ],
  MB_BROKER_NO_RECIPIENTS: [
    () => broker().enqueue({ ...base, to: [] }),
    () => broker().sendTo(base, ' '),
    () => broker().send({ raw: raw('From: a@b.test\r\n\r\n'), envelope: { from: 'a@b.test', to: [] } }),
  ],
  MB_BROKER_ADDRESS: [() => broker().suppressions.add([{ address: 'x', reason: 'operator' }])],
  // Their packages' own tests show them.
  MB_BROKER_SENDER: [],
  MB_BROKER_DOMAIN: [],
  MB_BROKER_DOMAIN_TAKEN: [],
  MB_BROKER_DOMAIN_KEY: [],
  MB_BROKER_WEBHOOK_URL: [() => broker().webhooks.add({ url: 'https://127.0.0.1/hook' })],
  MB_BROKER_MESSAGE_SYNTAX: [
    () => broker().enqueue({ raw: raw('x'), envelope: { from: 'a@b.test', to: ['b@c.test'] } }),
  ],
  MB_BROKER_MESSAGE_TOO_LARGE: [
    () => broker().enqueue({ ...base, text: 'x'.repeat(5000) }),
    () =>
      broker().enqueue({
        raw: (async function* () {
          yield raw('From: a@b.test\r\n\r\n');
          for (let n = 0; n < 100; n++) yield raw('line\r\n'.repeat(100));
        })(),
        envelope: { from: 'a@b.test', to: ['b@c.test'] },
      }),
  ],
  MB_BROKER_NOT_FOUND: [() => broker().queue.content('999999')[Symbol.asyncIterator]().next()],
  MB_BROKER_RENDER_FAILED: [
    () =>
      broker().enqueue(base, {
        render: () => {
          throw new TypeError('name is undefined');
        },
      }),
  ],
  MB_BROKER_TEMPLATE: [() => parseMessageTemplate({ ...base, text: '{{' })],
  MB_BROKER_TEMPLATE_VALUES: [() => parseMessageTemplate({ ...base, text: '{{code}}' }).render({})],
  MB_SERVER_KEY: [],
};

describe('SAFE-29 SAFE-58 SAFE-73 what a user typed is of the kind invalid-input, and so documented', () => {
  it('every code has one row in docs/errors.md, and every row a code', () => {
    const rows = [...page.matchAll(/^\| `(MB_[A-Z0-9_]+)` \|/gm)].map(([, code]) => code ?? '');
    expect(rows.filter((code, index) => rows.indexOf(code) !== index)).toEqual([]);
    expect(codes.filter((code) => !rows.includes(code))).toEqual([]);
    // Problems of the server and warnings are in no union.
    const sources = globSync('packages/*/src/**/*.ts', { cwd: root })
      .filter((file) => !file.endsWith('.test.ts'))
      .map((file) => readFileSync(join(root, file), 'utf8'))
      .join('\n');
    const named = new Set([...sources.matchAll(/MB_[A-Z0-9_]+/g)].map(([code]) => code));
    const composed = rows.filter((code) => code.startsWith('MB_SERVER_'));
    expect(rows.filter((code) => !named.has(code) && !composed.includes(code))).toEqual([]);
  });

  it('every code that is listed exists', () => {
    expect([...listed].filter((code) => code !== 'MB_CLI_*' && !codes.includes(code))).toEqual([]);
  });

  it.each(codes.filter((code) => /^MB_(?:MIME|DKIM|DNS|CLI)_/.test(code)))('%s', (code) => {
    const Errors = { MIME: MimeError, DKIM: DkimError, DNS: DnsError, CLI: CliError };
    const Class = Errors[code.split('_')[1] as keyof typeof Errors];
    const { kind } = new Class(code as never, 'text');
    // Where a call decides on the kind by the type of the value, there is nothing to see here.
    const decided = ['MB_MIME_ADDRESS_SYNTAX', 'MB_MIME_ADDRESS_LENGTH', 'MB_MIME_ADDRESS_COUNT'];
    const alsoDecided = ['MB_MIME_ADDRESS_NESTING', 'MB_MIME_DOMAIN', 'MB_MIME_HEADER_VALUE'];
    if ([...decided, ...alsoDecided].includes(code)) return;
    expect(kind === 'invalid-input').toBe(isUsers(code));
  });

  it('every other listed code has a slip below', () => {
    const others = [...listed].filter((code) => /^MB_(?:SMTP|BROKER|SERVER)_/.test(code));
    expect(others.filter((code) => !(code in slips))).toEqual([]);
  });

  for (const [code, attempts] of Object.entries(slips)) {
    for (const [index, attempt] of attempts.entries()) {
      it(`${code} ${index + 1}`, async () => {
        const error = await (async () => attempt())().then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(error).toMatchObject({ code, kind: 'invalid-input', retryable: false });
      });
    }
  }

  it('a cursor that a user made up', async () => {
    const error = await broker()
      .queue.list({}, { after: 'nonsense' })
      .catch((thrown: unknown) => thrown);
    expect(error).toSatisfy(BrokerError.isInstance);
    expect(error).toMatchObject({ code: 'MB_BROKER_OPTION', kind: 'invalid-input' });
  });
});
