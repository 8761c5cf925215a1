import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { composeMessage } from '@mb/mime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { message } from '../../examples/demo/message.ts';
import { dkimpy, installDkimVerifiers } from '../lab/dkim-verifiers.ts';
import { makeFolder } from '../lab/folder.ts';
import { runCommand } from '../lab/process.ts';
import { readStoredMessage } from './stored-message.ts';
import { startWorld, type World } from './world.ts';

const program = join(import.meta.dirname, '../../packages/cli/src/index.ts');

describe('mb send, with nothing but the system resolver and port 25', () => {
  let world: World;
  let keyFile: string;

  beforeAll(async () => {
    await installDkimVerifiers();
    world = await startWorld();
    keyFile = join(makeFolder('key'), 'rsa.pem');
    writeFileSync(keyFile, world.rsaKey.privateKey, { mode: 0o600 });
  });
  afterAll(() => world?.stop());

  const mb = (args: readonly string[], input = '') => {
    const node = ['--conditions=@mb/source', '--disable-warning=ExperimentalWarning', program];
    const lab = ['--hostname', 'mail.example.com', '--allow', '127.0.0.0/8'];
    return runCommand(process.execPath, [...node, 'send', ...args, ...lab], {
      input,
      env: { NO_COLOR: '1' },
    });
  };
  const signed = () => ['--dkim-key', keyFile, '--dkim-selector', 'rsa'];

  it('prints a receipt from Postfix, whose message dkimpy passes', async () => {
    const letter = ['-f', 'zoe@example.com', '-t', 'alice@north.test', '-s', 'Grüße', '--text', 'Hello.'];
    const { code, stdout, stderr } = await mb([...letter, ...signed()]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/alice@north\.test\s+delivered\s+mx\.north\.test\s+at\s+127\.0\.1\.25(?::25)?/);
    expect(stdout).toMatch(/TLSv1\.3 TLS_AES_256_GCM_SHA384/);
    const [, queueId] = /250 2\.0\.0 Ok: (?:\d+ bytes )?queued as (\w+)/.exec(stdout) ?? [];
    expect(code).toBe(0);
    const [stored] = await world.north.waitForMessages('alice@north.test', 1);
    const { added, sent } = readStoredMessage(stored!);
    expect(added).toContain(`id ${queueId}`);
    expect(await dkimpy.verify(sent)).toMatchObject({ passed: true });
  });

  it('reports each recipient separately in JSON, and exits with the code of the worst outcome', async () => {
    const to = ['-t', 'anna@north.test, nobody@north.test', '-c', 'bob@south.test', '-b', 'x@closed.test'];
    const { code, stdout } = await mb([
      '-f',
      'zoe@example.com',
      ...to,
      '-s',
      'x',
      '--text',
      'x',
      '--json',
      ...signed(),
    ]);
    expect(JSON.parse(stdout).recipients).toMatchObject([
      { recipient: 'anna@north.test', status: 'delivered', host: 'mx.north.test' },
      { recipient: 'nobody@north.test', status: 'failed', reply: { code: 550, enhanced: '5.1.1' } },
      { recipient: 'bob@south.test', status: 'delivered', host: 'mx2.south.test' },
      { recipient: 'x@closed.test', status: 'failed', stage: 'route' },
    ]);
    expect(code).toBe(2);
  });

  it('sends a ready message as it is', async () => {
    const octets = await composeMessage({ ...message, to: 'archive@north.test', cc: [] }).bytes();
    const file = join(makeFolder('eml'), 'message.eml');
    writeFileSync(file, octets);
    const { code } = await mb(['--eml', file, '--quiet', ...signed()]);
    expect(code).toBe(0);
    const [stored] = await world.north.waitForMessages('archive@north.test', 1);
    const { sent } = readStoredMessage(stored!);
    expect(sent.subarray(-octets.length).equals(octets)).toBe(true);
    expect(sent.subarray(0, -octets.length).toString('latin1')).toMatch(
      /^DKIM-Signature: [^\n]+\n(?:[ \t][^\n]*\n)*$/,
    );
  });
});
