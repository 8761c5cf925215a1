/**
 * Damages the input of a parser, thousands of times, and checks what must hold whatever it is given.
 *
 * `MB_MUTATIONS` sets the number of inputs for each parser, `MB_MUTATION_SEED` the seed.
 *
 * @packageDocumentation
 */
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeededRandom, type SeededRandom } from './seeded-random.ts';

/** What a parser made of an input. */
export type MutationVerdict = 'accepted' | 'refused';

/** A parser, the inputs that are damaged for it, and what must hold. */
export interface MutationTarget<Input extends string | Uint8Array> {
  /** Name of the parser, for the report. */
  readonly name: string;
  /** Well-formed inputs. Each run damages one of them, or joins parts of two. */
  readonly samples: readonly Input[];
  /** Pieces of the syntax, which are put in more often than other characters. */
  readonly words: readonly string[];
  /** Inputs are cut at this length. Default 20,000 characters or octets. */
  readonly longest?: number | undefined;
  /** How many inputs. Default {@link mutationCount}; {@link mutationFileCount} where each input is a file. */
  readonly inputs?: number | undefined;
  /**
   * Gives the input to the parser and throws if an assertion does not hold.
   * @returns whether the parser accepted the input.
   */
  readonly check: (input: Input, random: SeededRandom) => MutationVerdict | Promise<MutationVerdict>;
}

/** How many inputs were given to a parser, and how many of them it accepted. */
export interface MutationReport {
  readonly inputs: number;
  readonly accepted: number;
  readonly seed: string;
}

/** Inputs for each parser: `MB_MUTATIONS`, else 2,000. */
export const mutationCount: number = Number(process.env.MB_MUTATIONS ?? 2_000);

/** Inputs where each is a file that is written, opened and changed: a tenth, since they take ten times as long. */
export const mutationFileCount: number = Math.ceil(mutationCount / 10);

/** `MB_MUTATION_SEED`; else the same seed each time, so that a test fails only because of a change. */
export const mutationSeed: string = process.env.MB_MUTATION_SEED ?? '1';

/** Time limit of a test, in milliseconds: it only ends what hangs. */
export const mutationTimeoutMs: number = 60_000 + mutationCount * 60;

/**
 * Makes a folder for the files that a target writes: in memory where the machine has `/dev/shm`, because thousands of
 * files that are forced to a disk take minutes. The caller removes it.
 */
export function makeMutationFolder(): string {
  const memory = '/dev/shm';
  return mkdtempSync(join(existsSync(memory) ? memory : tmpdir(), 'mb-mutation-'));
}

/** Processor time of one input, in milliseconds. Inputs have some thousand octets, which take far less than 1 ms. */
const longestInputMs = 2_000;
const defaultLongest = 20_000;

/** Characters that readers of lines, tags, numbers and UTF-8 treat differently from each other. */
const octetCharacters = '\0\t\n\r "#%()*+,-./0159:;<=>?@AZ[\\]_az{|}~\x7f\x80\xa0\xc3\xe2\xf0\xff';
const textCharacters = `${octetCharacters}\u00e9\u0130\u017f\u200b\u2028\u202e\u3002\ufeff\uff20\ud83d\ude00\ud800\udc00`;

/**
 * Damages octets and gives them to a parser, {@link mutationCount} times.
 *
 * @throws {Error} for an input for which `check` failed, or that took too long: the message has the seed and the input
 *   in base64, `cause` what failed. Also when the parser accepted none of the inputs or all of them, because then the
 *   run has tested little.
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

/** Like {@link mutateOctets} for a parser of text. The failing input is in base64 of UTF-16LE. */
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

/** One to four changes to a sample; one of 20 inputs is no sample but words and characters in any order. */
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
    case 0: // a character replaced
      return head + piece(material, random) + tail.slice(1);
    case 1: // a stretch taken out
      return head + tail.slice(stretch.length);
    case 2: // something put in
    case 3:
      return head + piece(material, random) + tail;
    case 4: // a stretch repeated
      return head + stretch.repeat(integer(2, integer(0, 9) === 0 ? 200 : 4)) + tail.slice(stretch.length);
    case 5: // the rest cut off
      return head;
    case 6: {
      // the rest of another sample
      const other = pick(material.samples);
      return head + other.slice(integer(0, other.length));
    }
    case 7: {
      // a line repeated, taken out or moved
      const lines = text.split('\n');
      const line = lines.splice(integer(0, lines.length - 1), integer(0, 1))[0] ?? pick(lines);
      lines.splice(
        integer(0, lines.length),
        0,
        ...(line === undefined ? [] : [line]).slice(0, integer(0, 1)),
      );
      return lines.join('\n');
    }
    case 8: // one bit of a character
      return tail === ''
        ? head
        : head + String.fromCharCode(tail.charCodeAt(0) ^ (1 << integer(0, 6))) + tail.slice(1);
    default: {
      // a number made large, small or negative
      const number = pick(['0', '-1', '1', '65536', '4294967296', '9'.repeat(20), '1e9', '0x10', '00']);
      return head + tail.replace(/\d+/, number);
    }
  }
}
