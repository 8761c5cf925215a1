import { InvalidArgumentError, Option } from 'commander';

/** What every command takes that also works against a server. */
export interface ServerFlags {
  /** Such as `https://mail.example.com`. */
  readonly server?: string;
}

/** The flag of `ServerFlags`; the key comes from MB_API_KEY, since others see the command line. */
export function serverFlag(): Option {
  return new Option(
    '--server <url>',
    'a running "mb serve" instead of the queue itself; its key is in MB_API_KEY',
  )
    .argParser(parseServer)
    .env('MB_SERVER');
}

function parseServer(text: string): string {
  const url = URL.parse(text);
  if (!url || !/^https?:$/.test(url.protocol)) {
    throw new InvalidArgumentError('It must be a URL such as https://mail.example.com.');
  }
  if (url.username !== '' || url.password !== '') {
    throw new InvalidArgumentError('It must have no password; the key is in MB_API_KEY.');
  }
  return text.replace(/\/$/, '');
}
