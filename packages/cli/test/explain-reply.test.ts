import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { mb } from './mb.ts';

const explain = (...args: string[]) => mb(['explain-reply', ...args]);

function rulesFile(content: unknown): string {
  const path = join(mkdtempSync(join(tmpdir(), 'mb-rules-')), 'rules.json');
  writeFileSync(path, JSON.stringify(content));
  return path;
}

it('RPL-08 names the rule that fits a reply, its source, and what follows', async () => {
  const run = await explain('550 5.1.1 No such user');
  expect([run.exitCode, run.stderr]).toEqual([0, '']);
  expect(run.stdout).toBe(`bad-mailbox
Concerns  recipient
Action    suppress
          The recipient fails, and the address goes on the suppression list.
Rule      no-such-user
Source    https://www.rfc-editor.org/rfc/rfc3463#section-3.2
`);
});

it('RPL-08 takes the host, the stage and several lines into account', async () => {
  const json = async (...args: string[]) => JSON.parse((await explain(...args, '--json')).stdout);
  expect(await json('550 5.4.1 Recipient address rejected: Access denied')).toMatchObject({
    classification: { category: 'blocked' },
  });
  expect(
    await json(
      '550 5.4.1 Recipient address rejected: Access denied',
      '--host',
      'a-com.mail.protection.outlook.com',
    ),
  ).toMatchObject({
    exitCode: 0,
    classification: { category: 'bad-mailbox', action: 'suppress' },
    rule: { id: 'microsoft-no-recipient' },
  });
  expect(await json('550-5.1.1 Mailbox does', '550 5.1.1 not exist')).toMatchObject({
    classification: { action: 'suppress' },
  });
  expect(await json('550 5.1.1 User unknown', '--via-relay')).toMatchObject({
    classification: { category: 'unknown-reason' },
  });
  expect(await json('554 No', '--stage', 'greeting')).toMatchObject({
    classification: { category: 'blocked', scope: 'sender' },
  });
});

it('RPL-08 tries the rules of a file first, and says what is wrong with one that is not a rule', async () => {
  const own = { id: 'club', text: 'members only', category: 'blocked', scope: 'sender', action: 'fail' };
  const run = await explain('550 Members only', '--reply-rules', rulesFile([own]));
  expect(run.stdout).toContain('Rule      club (your own)');
  const wrong = await explain('550 No', '--reply-rules', rulesFile([{ ...own, scope: 'host' }]));
  expect([wrong.exitCode, wrong.stderr]).toEqual([
    64,
    expect.stringContaining('Reply rule "club": scope must be one of'),
  ]);
  const noList = await explain('550 No', '--reply-rules', rulesFile({}));
  expect([noList.exitCode, noList.stderr]).toEqual([
    64,
    expect.stringContaining('must be a JSON list of rules'),
  ]);
  const noReply = await explain('No such user');
  expect([noReply.exitCode, noReply.stderr]).toEqual([
    64,
    expect.stringContaining('A reply begins with its code'),
  ]);
});
