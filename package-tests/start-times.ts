import { execFile } from 'node:child_process';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Finding } from './packed-files.ts';

const run = promisify(execFile);

/**
 * Processor time of an import, as a multiple of what node takes to start: about twice what was measured, so that a new
 * dependency or work at import is seen and noise is not.
 */
const importLimits: Readonly<Record<string, number>> = {
  '@mb/mime': 2.5,
  '@mb/dkim': 2.5,
  '@mb/dns': 3,
  '@mb/smtp-client': 2.5,
  '@mb/broker': 6,
  '@mb/nodemailer': 5,
  '@mb/queue-postgres': 4,
  '@mb/server': 16,
  '@mb/dashboard': 2.5,
  '@mb/testkit': 8,
};

/** Runs of each; the fastest counts. */
const rounds = 7;

/** Writes the processor time of the process, in microseconds, as the last line of its stderr. */
const tellTime = `--import=data:text/javascript,${encodeURIComponent(
  "process.on('exit',()=>{const{user,system}=process.cpuUsage();process.stderr.write('\\n'+(user+system))})",
)}`;

/**
 * Compares how long node, an import of each package, `mb` and `npm` take to start: processor time, in turns, the
 * fastest of several runs of each.
 */
export async function checkStartTimes(folder: string): Promise<Finding[]> {
  const mb = join(folder, 'node_modules/@mb/cli/dist/index.js');
  // The npm that runs here is the one of the machine.
  const { stdout } = await run('sh', ['-c', 'command -v npm']);
  const npm = await realpath(stdout.trim());
  const programs: Record<string, readonly string[]> = {
    node: ['-e', '0'],
    ...Object.fromEntries(
      Object.keys(importLimits).map((name) => [name, ['--input-type=module', '-e', `import '${name}'`]]),
    ),
    'npm --version': [npm, '--version'],
    'mb --version': [mb, '--version'],
    'mb send --help': [mb, 'send', '--help'],
  };
  const fastest = new Map<string, number>();
  for (let round = 0; round < rounds; round++)
    for (const [name, args] of Object.entries(programs))
      fastest.set(name, Math.min(fastest.get(name) ?? Number.POSITIVE_INFINITY, await timeOf(folder, args)));
  const bare = fastest.get('node')!;
  const imports = Object.entries(importLimits).map(([name, limit]) =>
    finding(`import of ${name}`, fastest.get(name)!, bare, 'node', limit),
  );
  const commands = ['mb --version', 'mb send --help'].map((name) =>
    finding(name, fastest.get(name)!, fastest.get('npm --version')!, 'npm --version', 1),
  );
  return [...imports, ...commands];
}

async function timeOf(cwd: string, args: readonly string[]): Promise<number> {
  const { stderr } = await run(process.execPath, [tellTime, ...args], { cwd, timeout: 60_000 });
  return Number(stderr.slice(stderr.lastIndexOf('\n')));
}

function finding(what: string, took: number, other: number, than: string, limit: number): Finding {
  const ratio = took / other;
  const label = `${what}: ${Math.round(took / 1000)} ms, ${ratio.toFixed(2)} of ${than}`;
  return ratio <= limit ? { label } : { label, problem: `the limit is ${limit}` };
}
