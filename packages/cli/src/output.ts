/** Prints a value as JSON; octets in hexadecimal. */
export function printJson(value: unknown): void {
  const hex = (_key: string, item: unknown) =>
    item instanceof Uint8Array ? Buffer.from(item).toString('hex') : item;
  process.stdout.write(`${JSON.stringify(value, hex, 2)}\n`);
}

/** Prints a text as it is. */
export function print(text: string): void {
  process.stdout.write(text);
}
