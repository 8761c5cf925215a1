import * as broker from '@mb/broker';
import * as dkim from '@mb/dkim';
import * as testkit from '@mb/testkit';
import { check } from '../../../checks/broker.mjs';

const modules = { '@mb/broker': broker, '@mb/dkim': dkim, '@mb/testkit': testkit };

export const dynamic = 'force-dynamic';

/** Sends a message when it is asked. */
export async function GET() {
  await check(modules, async (name) => modules[name]);
  return new Response('delivered');
}
