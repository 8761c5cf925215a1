import type { ServerClient } from '@mb/server/client';
import { CliError } from '../errors.ts';

/** The answer to a request of the client. */
type Answer<Data> = Promise<{ data?: Data; error?: unknown; response: Response }>;

/**
 * Makes a client for a server, with the API key in MB_API_KEY.
 *
 * @throws {CliError} MB_CLI_USAGE
 */
export async function serverClient(server: string): Promise<ServerClient> {
  const token = process.env.MB_API_KEY;
  if (!token) {
    throw new CliError('MB_CLI_USAGE', 'Set MB_API_KEY to an API key of the server; "mb key new" makes one.');
  }
  // Loaded here: no other command needs it.
  const { createClient } = await import('@mb/server/client');
  return createClient({ url: server, token });
}

/** Returns the data of an answer. @throws {CliError} MB_CLI_SERVER when it is an error, or the server is unreachable */
export async function dataOf<Data>(answer: Answer<Data>): Promise<Data> {
  const { data, error, response } = await reached(answer);
  if (response.ok) return data as Data;
  // A proxy may answer with an error that has no problem details (RFC 9457).
  const { detail, code } = (error ?? {}) as { readonly detail?: string; readonly code?: string };
  throw new CliError(
    'MB_CLI_SERVER',
    `The server answered ${response.status}: ${detail ?? 'no reason'}${code === undefined ? '' : ` (${code})`}`,
  );
}

/** Like {@link dataOf}; undefined when the server has no such object. */
export async function dataIfAny<Data>(answer: Answer<Data>): Promise<Data | undefined> {
  const { response } = await reached(answer);
  return response.status === 404 ? undefined : dataOf(answer);
}

/** Whether an object was deleted; false when the server has no such object. @throws {CliError} as {@link dataOf} */
export async function deletedIfAny(answer: Answer<unknown>): Promise<boolean> {
  const { response } = await reached(answer);
  if (response.status === 404) return false;
  await dataOf(answer);
  return true;
}

async function reached<Data>(answer: Answer<Data>): Answer<Data> {
  try {
    return await answer;
  } catch (cause) {
    const reason =
      cause instanceof Error ? ((cause.cause as Error | undefined)?.message ?? cause.message) : '';
    throw new CliError('MB_CLI_SERVER', `The server cannot be reached: ${reason}.`, { cause });
  }
}
