/** Vitest's global set-up: one clear error when the suites are started outside the lab. */
export default function requireLab(): void {
  if (!process.env.MB_LAB) {
    throw new Error(
      'The interop suites run in a network namespace of their own. Start them with `pnpm interop [filter]` as root.',
    );
  }
}
