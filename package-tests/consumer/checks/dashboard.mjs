import assert from './assert.mjs';

/** Serves the page from the package's own files. */
export async function check(modules) {
  const { dashboard } = modules['@mb/dashboard'];
  const response = await dashboard()(new Request('http://127.0.0.1/ui/'));
  assert(response.status === 200 && /<!doctype html>/i.test(await response.text()), String(response.status));
}
