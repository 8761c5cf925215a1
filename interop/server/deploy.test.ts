import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { runCommand } from '../lab/process.ts';

const deploy = join(import.meta.dirname, '../../deploy');
const cli = join(import.meta.dirname, '../../packages/cli/src/index.ts');

beforeAll(() => ensureDebianPackages(['systemd']), 300_000);

describe('files for operators', () => {
  it('OPS-01 OPS-06 systemd verifies the unit, and finds that it exposes little', async () => {
    const root = makeFolder('unit');
    // The unit names a command that is not installed here.
    const unit = join(root, 'mb.service');
    writeFileSync(
      unit,
      readFileSync(join(deploy, 'mb.service'), 'utf8').replace('/usr/bin/mb', process.execPath),
    );
    const verified = await runCommand('systemd-analyze', ['verify', '--man=no', unit]);
    expect(verified.stderr).toBe('');
    expect(verified.code).toBe(0);
    const security = await runCommand('systemd-analyze', [
      ...['security', '--offline=true', '--no-pager', '--threshold=30', unit],
    ]);
    expect(security.code, security.stdout).toBe(0);
  });

  it('OPS-02 mb serve tells systemd that it is ready, alive and stopping', async () => {
    const folder = makeFolder('notify');
    const socket = join(folder, 'notify.sock');
    const script = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound', flush=True)
while True:
    print(s.recv(4096).decode(), flush=True)
`;
    const listener = spawn('python3', ['-c', script, socket]);
    let heard = '';
    listener.stdout.on('data', (chunk) => {
      heard += chunk;
    });
    await vi.waitFor(() => expect(heard).toContain('bound'), { timeout: 10_000 });
    const child = spawn(
      process.execPath,
      [
        ...['--conditions=@mb/source', cli, '--no-config', 'serve', '--store', join(folder, 'queue.db')],
        ...['--hostname', 'mail.client.test', '--http', '127.0.0.1:0'],
      ],
      { stdio: 'ignore', env: { ...process.env, NOTIFY_SOCKET: socket, WATCHDOG_USEC: '1000000' } },
    );
    try {
      await vi.waitFor(() => expect(heard).toContain('READY=1'), { timeout: 30_000 });
      await vi.waitFor(() => expect(heard).toContain('WATCHDOG=1'), { timeout: 10_000 });
      child.kill('SIGTERM');
      await vi.waitFor(() => expect(heard).toContain('STOPPING=1'), { timeout: 10_000 });
    } finally {
      child.kill('SIGKILL');
      listener.kill();
    }
  }, 90_000);

  it('OPS-03 OPS-07 the Dockerfile has no mistakes, runs as a user of its own, and names commands that exist', async () => {
    const text = readFileSync(join(deploy, 'Dockerfile'), 'utf8');
    expect(validate(text)).toEqual([]);
    const instructions = text.replaceAll(/^#.*\n/gm, '').replaceAll('\\\n', ' ');
    expect(instructions).toMatch(/^USER mb$/m);
    expect(instructions.indexOf('USER mb')).toBeLessThan(instructions.indexOf('ENTRYPOINT'));
    const command = JSON.parse(/^CMD (\[.*\])$/m.exec(instructions)![1]!) as string[];
    await expectKnownFlags(command);
  });

  it('OPS-04 OPS-08 the compose file is valid, and its commands exist', async () => {
    const text = readFileSync(join(deploy, 'compose.yaml'), 'utf8');
    const file = parse(text, { merge: true, strict: true, uniqueKeys: true }) as {
      services: Record<string, { command?: string[]; image?: string; build?: string; environment: object }>;
      volumes: object;
    };
    expect(Object.keys(file.services)).toEqual(['database', 'server', 'worker']);
    for (const [name, service] of Object.entries(file.services)) {
      expect(service.image ?? service.build, name).toBeDefined();
      if (service.command) await expectKnownFlags(service.command);
    }
    expect(file.services.server!.environment).toEqual(file.services.worker!.environment);
  });
});

/** Asks `mb` itself: an unknown flag or role is an error before the queue is opened. */
async function expectKnownFlags(command: readonly string[]): Promise<void> {
  const { code, stderr } = await runCommand(process.execPath, [
    ...['--conditions=@mb/source', cli, '--no-config', ...command, '--store', '/nowhere/queue.db'],
    ...['--hostname', 'mail.client.test', '--http', '127.0.0.1:0'],
  ]);
  // The flags were understood: what is wrong is the queue.
  expect(stderr).toContain('/nowhere');
  expect(code).not.toBe(0);
}
