import { check } from './browser.mjs';

/** A worker that composes, parses, signs and verifies when it is asked. */
export default {
  async fetch() {
    await check();
    return new Response('ok');
  },
};
