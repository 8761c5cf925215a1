import type { IncomingMessage, ServerResponse } from 'node:http';
import { type DashboardOptions, dashboard } from './dashboard.ts';

/**
 * The dashboard as a request listener of `node:http`, and as a handler of Express and its like.
 *
 * @throws {DashboardError} MB_DASHBOARD_OPTION
 * @example
 * app.use('/ui', nodeDashboard()); // Express, with the API at /v1
 */
export function nodeDashboard(
  options: DashboardOptions = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const answer = dashboard(options);
  return (request, response) => {
    answerNode(answer, request, response).catch(() => {
      // The caller waits for nothing: what fails here must not end the process.
      if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  };
}

async function answerNode(
  answer: (request: Request) => Promise<Response>,
  incoming: IncomingMessage & { readonly originalUrl?: string },
  response: ServerResponse,
): Promise<void> {
  // Express takes the mount path off `url` and keeps the whole in `originalUrl`.
  const path = incoming.originalUrl ?? incoming.url ?? '/';
  const url = URL.parse(path.startsWith('/') ? `http://localhost${path}` : path);
  // RFC 9110 §4.2.4: a user name or a password in the target is an error; Request throws for it.
  if (url?.username !== '' || url.password !== '') {
    response.writeHead(400).end();
    return;
  }
  const coding = incoming.headers['accept-encoding'];
  const given = await answer(
    new Request(url, {
      method: methodOf(incoming),
      headers: typeof coding === 'string' ? { 'accept-encoding': coding } : {},
    }),
  );
  response.writeHead(given.status, Object.fromEntries(given.headers));
  response.end(new Uint8Array(await given.arrayBuffer()));
}

/** Request refuses some methods, such as TRACE; they get the same answer as POST. */
function methodOf({ method = 'GET' }: IncomingMessage): string {
  return method === 'GET' || method === 'HEAD' ? method : 'POST';
}
