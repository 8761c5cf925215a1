import { type ComposeOptions, composeMessage, type Message } from '../src/index.ts';
import { seededBytes } from './seeded-bytes.ts';

export const CLOCK_MS = 1_700_000_000_000;

/** Composes with a fixed clock and random source; one character an octet. */
export async function composeText(message: Partial<Message>, options: ComposeOptions = {}): Promise<string> {
  const composed = composeMessage(
    { from: 'ann@example.com', ...message },
    { now: () => CLOCK_MS, randomBytes: seededBytes(), ...options },
  );
  return Buffer.from(await composed.bytes()).toString('latin1');
}

/** The unfolded fields of the first header, in order. */
export function fieldsOf(text: string): [name: string, value: string][] {
  const header = text.slice(0, text.indexOf('\r\n\r\n'));
  return header
    .replace(/\r\n(?=[ \t])/g, '')
    .split('\r\n')
    .map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 2)];
    });
}

/** The value of one field of the first header. */
export function fieldOf(text: string, name: string): string | undefined {
  return fieldsOf(text).find(([field]) => field.toLowerCase() === name.toLowerCase())?.[1];
}

/** The code of the error that an action throws. */
export async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action();
  } catch (error) {
    return (error as { code?: string }).code ?? `no code: ${error}`;
  }
  return 'nothing thrown';
}
