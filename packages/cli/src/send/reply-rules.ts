import type { ReplyRule } from '@mb/broker';
import { CliError } from '../errors.ts';
import { readInput } from './file.ts';

/**
 * Reads a file of reply rules: a JSON list, like `delivery.replyRules` of @mb/broker, which checks the rules.
 *
 * @throws {CliError} MB_CLI_FILE, MB_CLI_USAGE
 */
export async function readReplyRules(path: string): Promise<readonly ReplyRule[]> {
  const text = (await readInput('--reply-rules', path)).toString();
  let rules: unknown;
  try {
    rules = JSON.parse(text);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new CliError('MB_CLI_USAGE', `--reply-rules: ${path} is not JSON: ${why}.`, { cause });
  }
  if (Array.isArray(rules)) return rules as readonly ReplyRule[];
  throw new CliError('MB_CLI_USAGE', `--reply-rules: ${path} must be a JSON list of rules.`);
}
