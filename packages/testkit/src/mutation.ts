/**
 * Passes thousands of damaged inputs to a parser, and checks conditions that must hold for any input.
 *
 * `MB_MUTATIONS` sets the number of inputs for each parser, `MB_MUTATION_SEED` the seed.
 *
 * @packageDocumentation
 */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeededRandom, type SeededRandom } from './seeded-random.ts';

/** Whether a parser accepted an input. */
export type MutationVerdict = 'accepted' | 'refused';

/** A parser, the samples that are damaged for it, and the conditions that must hold. */
export interface MutationTarget<Input extends string | Uint8Array> {
  /** Name of the parser, for the report. */
  readonly name: string;
  /** Well-formed inputs. Each damaged input is made of one of them, or of parts of several. */
  readonly samples: readonly Input[];
  /** Pieces of the syntax. Half of the insertions are one of these, the others are single characters. */
  readonly words: readonly string[];
  /** Maximum length of an input; default 20,000 characters or octets. */
  readonly longest?: number | undefined;
  /** Number of inputs; default {@link mutationCount}. Use {@link mutationFileCount} if each input is a file. */
  readonly inputs?: number | undefined;
  /**
   * Passes the input to the parser and throws if an assertion does not hold.
   * @returns whether the parser accepted the input.
   */
  readonly check: (input: Input, random: SeededRandom) => MutationVerdict | Promise<MutationVerdict>;
}

/** The number of inputs that were passed to a parser, and of those that it accepted. */
export interface MutationReport {
  readonly inputs: number;
  readonly accepted: number;
  readonly seed: string;
}

/** Number of inputs for each parser: `MB_MUTATIONS`, else 2,000. */
export const mutationCount: number = Number(process.env.MB_MUTATIONS ?? 2_000);

/** Number of inputs if each is a file: a tenth of {@link mutationCount}, since files take ten times as long. */
export const mutationFileCount: number = Math.ceil(mutationCount / 10);

/** The seed: `MB_MUTATION_SEED`, else always the same, so that a test fails only because of a change. */
export const mutationSeed: string = process.env.MB_MUTATION_SEED ?? '1';

/** Timeout of a test in milliseconds, for a parser that hangs. */
export const mutationTimeoutMs: number = 60_000 + mutationCount * 60;

/**
 * Creates a folder for the files of a target, which the caller removes. It is in memory if the machine has `/dev/shm`,
 * because syncing thousands of files to a disk takes minutes.
 */
export function makeMutationFolder(): string {
  const memory = '/dev/shm';
  return mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'mb-mutation-'));
}

/** Maximum processor time for one input, in milliseconds. A few thousand octets normally take far less than 1 ms. */
const longestInputMs = 2_000;
const defaultLongest = 20_000;

/** Characters that have different roles in lines, tags, numbers and UTF-8. */
const octetCharacters = '\0\t\n\r "#%()*+,-./0159:;<=>?@AZ[\\]_az{|}~\x7f\x80\xa0\xc3\xe2\xf0\xff';
const textCharacters = `${octetCharacters}\u00e9\u0130\u017f\u200b\u2028\u202e\u3002\ufeff\uff20\ud83d\ude00\ud800\udc00`;

/**
 * Damages octets and passes them to a parser, {@link mutationCount} times by default.
 *
 * @throws {Error} if `check` fails for an input or takes over 2 s of processor time: the message has the seed and the
 *   input in base64, `cause` the failure. Also if the parser accepts none of 100 or more inputs, since then the samples
 *   are not valid.
 * @example await mutateOctets({ name: 'parseReport', samples: [octets], words: ['Status:'], check })
 */
export function mutateOctets(target: MutationTarget<Uint8Array>): Promise<MutationReport> {
  return mutate(target, {
    samples: target.samples.map((sample) => Buffer.from(sample).toString('latin1')),
    characters: octetCharacters,
    toInput: (text) => new Uint8Array(Buffer.from(text, 'latin1')),
    encode: (text) => `base64 ${Buffer.from(text, 'latin1').toString('base64')}`,
  });
}

/** Like {@link mutateOctets}, for a parser of text. The message has the failing input in base64 of UTF-16LE. */
export function mutateText(target: MutationTarget<string>): Promise<MutationReport> {
  return mutate(target, {
    samples: target.samples,
    characters: textCharacters,
    toInput: (text) => text,
    encode: (text) => `base64 of UTF-16LE ${Buffer.from(text, 'utf16le').toString('base64')}`,
  });
}

interface Alphabet<Input> {
  readonly samples: readonly string[];
  readonly characters: string;
  readonly toInput: (text: string) => Input;
  readonly encode: (text: string) => string;
}

async function mutate<Input extends string | Uint8Array>(
  { name, words, check, longest = defaultLongest, inputs = mutationCount }: MutationTarget<Input>,
  { samples, characters, toInput, encode }: Alphabet<Input>,
): Promise<MutationReport> {
  let accepted = 0;
  for (let index = 0; index < inputs; index++) {
    const random = createSeededRandom(`${mutationSeed}/${name}/${index}`);
    const text = damage({ samples, words, characters }, random).slice(0, longest);
    const start = process.threadCpuUsage();
    try {
      if ((await check(toInput(text), random)) === 'accepted') accepted++;
      const { user, system } = process.threadCpuUsage(start);
      if (user + system > longestInputMs * 1000)
        throw new Error(`It took ${(user + system) / 1000} ms of processor time.`);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(
        `${name}: seed ${mutationSeed}, input ${index}: ${reason}\nThe input in ${encode(text)}`,
        { cause: error },
      );
    }
  }
  const report = { inputs, accepted, seed: mutationSeed };
  console.log(
    `${name}: ${inputs} inputs, ${accepted} accepted, MB_MUTATION_SEED=${mutationSeed} repeats them`,
  );
  if (accepted === 0 && inputs >= 100)
    throw new Error(`${name} accepted none of ${inputs} inputs: the samples are not its input.`);
  return report;
}

type Material = Pick<Alphabet<string>, 'samples' | 'characters'> & { readonly words: readonly string[] };

/** Makes one to four changes to a sample. One in 20 inputs is made of random words and characters instead. */
function damage(material: Material, random: SeededRandom): string {
  const { integer, pick } = random;
  if (integer(1, 20) === 1)
    return Array.from({ length: integer(0, 12) }, () => piece(material, random)).join('');
  let text = pick(material.samples);
  for (let changes = integer(1, 4); changes > 0; changes--) text = change(text, material, random);
  return text;
}

function piece({ words, characters }: Material, { integer, pick }: SeededRandom): string {
  return words.length > 0 && integer(0, 1) === 1
    ? pick(words)
    : characters.charAt(integer(0, characters.length - 1));
}

function change(text: string, material: Material, random: SeededRandom): string {
  const { integer, pick } = random;
  const at = integer(0, text.length);
  const [head, tail] = [text.slice(0, at), text.slice(at)];
  const stretch = tail.slice(0, integer(1, 30));
  switch (integer(0, 9)) {
    case 0: // replace a character
      return head + piece(material, random) + tail.slice(1);
    case 1: // remove some characters
      return head + tail.slice(stretch.length);
    case 2: // insert a word or character
    case 3:
      return head + piece(material, random) + tail;
    case 4: // repeat some characters
      return head + stretch.repeat(integer(2, integer(0, 9) === 0 ? 200 : 4)) + tail.slice(stretch.length);
    case 5: // cut off the rest
      return head;
    case 6: {
      // continue with the rest of another sample
      const other = pick(material.samples);
      return head + other.slice(integer(0, other.length));
    }
    case 7: {
      // repeat, remove or move a line
      const lines = text.split('\n');
      const line = lines.splice(integer(0, lines.length - 1), integer(0, 1))[0] ?? pick(lines);
      lines.splice(
        integer(0, lines.length),
        0,
        ...(line === undefined ? [] : [line]).slice(0, integer(0, 1)),
      );
      return lines.join('\n');
    }
    case 8: // flip one bit of a character
      return tail === ''
        ? head
        : head + String.fromCharCode(tail.charCodeAt(0) ^ (1 << integer(0, 6))) + tail.slice(1);
    default: {
      // replace a number with a large, small or negative one
      const number = pick(['0', '-1', '1', '65536', '4294967296', '9'.repeat(20), '1e9', '0x10', '00']);
      return head + tail.replace(/\d+/, number);
    }
  }
}
