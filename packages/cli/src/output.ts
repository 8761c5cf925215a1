import { printableJson } from '@mb/broker';

/** JSON of a value, for people and programs; octets in hexadecimal. */
export function toJson(value: unknown): string {
  const hex = (_key: string, item: unknown) =>
    item instanceof Uint8Array ? Buffer.from(item).toString('hex') : item;
  return `${printableJson(value, hex, 2)}\n`;
}

/** One line of JSON. */
export function jsonLine(value: unknown): string {
  return `${printableJson(value)}\n`;
}

/** Prints a value as JSON. */
export function printJson(value: unknown): void {
  print(toJson(value));
}

/** Prints a text as it is. */
export function print(text: string): void {
  process.stdout.write(text);
}
