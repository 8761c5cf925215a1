/** Reports trouble that nothing else listens for as a warning of the process. */
export function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error.message : String(error), { type: 'MailServerWarning' });
}
