import { InvalidArgumentError, Option } from 'commander';

/** The flag of every command that also works on a server. */
export interface ServerFlags {
  /** Such as `https://mail.example.com`. */
  readonly server?: string;
}

/** The flag of `ServerFlags`; the API key comes from MB_API_KEY, since other users can see the command line. */
export function serverFlag(): Option {
  return new Option(
    '--server <url>',
    'a running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key',
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
    throw new InvalidArgumentError('It must have no user name or password; set MB_API_KEY instead.');
  }
  return text.replace(/\/$/, '');
}
