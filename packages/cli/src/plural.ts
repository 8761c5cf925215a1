/** A number with its noun: `1 warning`, `0 recipients`, `2 addresses`. */
export function plural(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count} ${count === 1 ? noun : nouns}`;
}
