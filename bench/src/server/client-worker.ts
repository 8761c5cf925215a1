import { Agent, request } from 'node:http';
import { parentPort } from 'node:worker_threads';
import { forEachLimit } from '../harness/parallel.ts';

/** What to post, and where. */
export interface Posting {
  readonly port: number;
  readonly token: string;
  readonly body: string;
  readonly count: number;
  readonly connections: number;
}

// The client has a thread of its own, as programs that post have processes of their own.
parentPort!.on('message', async (posting: Posting) => {
  const agent = new Agent({ keepAlive: true, maxSockets: posting.connections });
  const statuses: number[] = [];
  await forEachLimit(Array.from({ length: posting.count }), posting.connections, async () => {
    statuses.push(await post(posting, agent));
  });
  agent.destroy();
  parentPort!.postMessage(statuses);
});

function post({ port, token, body }: Posting, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const options = { port, path: '/v1/messages', method: 'POST', agent, headers };
    const sent = request(options, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end(body);
  });
}
