/**
 * What receivers find out about a message: DKIM, SPF and DMARC, and the requirements of large receivers for bulk
 * senders.
 *
 * - `lintMessage()`: all findings on a message
 * - `authenticate()`, `listVerdicts()`: who sent it
 *
 * @packageDocumentation
 */

export { type Authentication, authenticate, type SessionFacts } from './authentication.ts';
export type { LintFinding } from './finding.ts';
export { type LintOptions, type LintReport, lintMessage } from './lint-message.ts';
export { listVerdicts, type ShortVerdict } from './verdict.ts';
