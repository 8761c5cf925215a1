import { spawn } from 'node:child_process';

/** Runs a reader over the framed messages and gives its JSON lines; one that fails is an error. */
export async function read(
  command: string,
  args: readonly string[],
  input: Buffer | string,
): Promise<Record<string, unknown>[]> {
  const child = spawn(command, args, { stdio: 'pipe' });
  child.stderr.on('data', (text) => process.stderr.write(text));
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.on('error', () => undefined); // its exit code tells
  child.stdin.end(input);
  const code = await new Promise((resolve, reject) => child.on('close', resolve).on('error', reject));
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${code}`);
  return Buffer.concat(chunks)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
