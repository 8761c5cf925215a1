import { readFileSync } from 'node:fs';
import { glob } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { unpackDebianPackages } from '../lab/debian.ts';

/** A message, many of them malformed, that the tests of another parser hold. */
export interface CorpusMessage {
  readonly name: string;
  readonly octets: Buffer;
}

/** The messages of the tests of Python's email package. */
export async function pythonCorpus(): Promise<CorpusMessage[]> {
  return filesOf('/usr/lib/python3.11/test/test_email/data', '*.txt');
}

/** The messages of the tests of enmime, a parser for Go, which collects what senders get wrong. */
export async function enmimeCorpus(): Promise<CorpusMessage[]> {
  const folder = await unpackDebianPackages(['golang-github-jhillyerd-enmime-dev']);
  return filesOf(
    join(folder, 'usr/share/gocode/src/github.com/jhillyerd/enmime/testdata'),
    '{mail,low-quality,parts}/*.raw',
  );
}

/** Our own messages with the defects that MIME-tools, postal-mime and mailparser test; see SOURCES.md there. */
export function ownCorpus(): CorpusMessage[] {
  const file = new URL('../../packages/mime/test/vectors/malformed.json', import.meta.url);
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as { name: string; lines: string[] }[];
  return vectors.map(({ name, lines }) => ({ name, octets: Buffer.from(lines.join('\r\n'), 'latin1') }));
}

async function filesOf(folder: string, pattern: string): Promise<CorpusMessage[]> {
  const names: string[] = [];
  for await (const name of glob(pattern, { cwd: folder })) names.push(name);
  return names.sort().map((name) => ({ name, octets: readFileSync(join(folder, name)) }));
}

/** A nodeunit test. Its expectations are not used here. */
type NodeunitTest = (test: unknown) => void;

/**
 * The messages of mailparser's tests, from the last release whose package contains them. They are strings in the test
 * program, so we run it with a replacement parser that records its input.
 */
export async function mailparserCorpus(): Promise<CorpusMessage[]> {
  const require = createRequire(import.meta.url);
  const file = join(dirname(require.resolve('mailparser-with-tests/package.json')), 'test/mailparser.js');
  const groups: Record<string, Record<string, NodeunitTest>> = {};
  const recorders: Recorder[] = [];
  class Recorder {
    readonly name = running;
    readonly chunks: Buffer[] = [];
    constructor() {
      recorders.push(this);
    }
    write(chunk: string | Buffer, encoding?: BufferEncoding): void {
      this.chunks.push(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk);
    }
    end(chunk?: string | Buffer, encoding?: BufferEncoding): void {
      if (chunk !== undefined) this.write(chunk, encoding);
    }
    on(): this {
      return this;
    }
  }
  let running = '';
  const own = createRequire(file);
  const load = (name: string) => (name === '../lib/mailparser' ? { MailParser: Recorder } : own(name));
  const program = new Function('require', 'exports', '__dirname', 'Buffer', readFileSync(file, 'utf8'));
  // It calls Buffer as a constructor, which the platform no longer wants.
  program(load, groups, dirname(file), function OldBuffer(...given: [string, BufferEncoding?]) {
    return Buffer.from(...given);
  });
  for (const tests of Object.values(groups)) {
    for (const [name, test] of Object.entries(tests)) {
      running = name;
      test({ expect: () => undefined });
    }
  }
  // Some write their chunks turn by turn.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return recorders.map(({ name, chunks }, index) => ({
    name: `${basename(file)} ${index}: ${name}`,
    octets: Buffer.concat(chunks),
  }));
}
