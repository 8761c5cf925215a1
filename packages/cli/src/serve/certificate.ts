import { readFile } from 'node:fs/promises';
import { CliError } from '../errors.ts';

/** A private key and its certificate chain, in PEM. */
export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** Reads the files of --tls-key and --tls-cert. @throws {CliError} MB_CLI_USAGE, MB_CLI_FILE */
export async function readCertificate({
  tlsKey,
  tlsCert,
}: {
  readonly tlsKey?: string;
  readonly tlsCert?: string;
}): Promise<Certificate | undefined> {
  if (tlsKey === undefined && tlsCert === undefined) return undefined;
  if (tlsKey === undefined || tlsCert === undefined) {
    throw new CliError('MB_CLI_USAGE', 'A certificate needs both --tls-key and --tls-cert.');
  }
  const read = (flag: string, path: string) =>
    readFile(path).catch((cause: Error) => {
      throw new CliError('MB_CLI_FILE', `${flag}: the file cannot be read: ${cause.message}.`, { cause });
    });
  return { key: await read('--tls-key', tlsKey), cert: await read('--tls-cert', tlsCert) };
}
