import { describe, expect, it } from 'vitest';
import { type DashboardOptions, dashboardOf } from './dashboard.ts';
import { type DashboardFile, readFiles } from './files.ts';

const octets = (text: string) => new Uint8Array(Buffer.from(text));
const file = (type: string, text: string): DashboardFile => ({
  type,
  octets: octets(text),
  compressed: { br: octets('br'), gzip: octets('gzip') },
});
const files = new Map([
  ['index.html', file('text/html; charset=utf-8', '<meta name="mb-api" content="../"><p>page</p>')],
  ['assets/main-a1.js', file('text/javascript; charset=utf-8', 'code')],
]);

async function get(path: string, options: DashboardOptions = {}, init: RequestInit = {}) {
  return dashboardOf(async () => files, options)(new Request(`http://localhost${path}`, init));
}

describe('the handler', () => {
  it('DSH-40 serves the page with a policy that has no unsafe- and names no other origin', async () => {
    for (const path of ['/ui/', '/ui/assets/main-a1.js', '/ui/none', '/elsewhere']) {
      const { headers } = await get(path);
      const policy = headers.get('content-security-policy')!;
      expect(policy, path).toContain("default-src 'none'");
      expect(policy, path).not.toMatch(/unsafe-|https?:|\*|data:|blob:/);
      expect(policy, path).toContain("frame-ancestors 'none'");
      expect(headers.get('x-content-type-options'), path).toBe('nosniff');
    }
  });

  it('DSH-41 works behind a path prefix', async () => {
    const redirect = await get('/ui');
    expect(redirect.status).toBe(308);
    // Relative: behind a proxy /mail/ui leads to /mail/ui/.
    expect(redirect.headers.get('location')).toBe('ui/');
    const mounted = await get('/ops/mail/', { path: '/ops/mail', api: '/api/' });
    expect(await mounted.text()).toContain('<meta name="mb-api" content="/api/">');
    expect((await get('/ui/', { path: '/ops/mail' })).status).toBe(404);
    expect((await get('/uix/', {})).status).toBe(404);
  });

  it('DSH-42 files with a digest are kept forever, the page is asked for again', async () => {
    expect((await get('/ui/assets/main-a1.js')).headers.get('cache-control')).toContain('immutable');
    expect((await get('/ui/')).headers.get('cache-control')).toBe('no-cache');
  });

  it.each([
    ['br, gzip', 'br'],
    ['gzip', 'gzip'],
    ['br;q=0, gzip', 'gzip'],
    ['identity', null],
    ['', null],
  ])('DSH-104 for accept-encoding "%s" the content coding is %s', async (accept, coding) => {
    const response = await get('/ui/assets/main-a1.js', {}, { headers: { 'accept-encoding': accept } });
    expect(response.headers.get('content-encoding')).toBe(coding);
    expect(await response.text()).toBe(coding ?? 'code');
    expect(response.headers.get('vary')).toBe('accept-encoding');
  });

  it('DSH-43 DSH-96 answers GET and HEAD alone, and nothing but its own files', async () => {
    expect((await get('/ui/', {}, { method: 'POST' })).status).toBe(405);
    const head = await get('/ui/', {}, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    for (const path of ['/ui/../package.json', '/ui/%2e%2e/package.json', '/ui/assets/', '/ui/index.htm']) {
      expect((await get(path)).status, path).toBe(404);
    }
  });

  it('DSH-44 says how to build the files when they are not there', async () => {
    const handler = dashboardOf(() => readFiles(new URL('file:///does-not-exist/')), {});
    const response = await handler(new Request('http://localhost/ui/'));
    expect([response.status, await response.text()]).toEqual([503, expect.stringContaining('build')]);
  });

  it.each([
    [{ path: 'ui' }, 'options.path must be a path such as /ui'],
    [{ path: '/ui/' }, 'options.path must be a path'],
    [{ path: '' }, 'options.path must be a path'],
    [{ api: 'https://elsewhere.example/' }, 'options.api must be a path that ends with /'],
    [{ api: '/"><script>/' }, 'options.api must be a path that ends with /'],
    [{ pfad: '/ui' }, 'has no key "pfad"'],
  ])('DSH-93 refuses %j', async (options, message) => {
    expect(() => dashboardOf(async () => files, options as DashboardOptions)).toThrow(
      expect.objectContaining({ code: 'MB_DASHBOARD_OPTION', message: expect.stringContaining(message) }),
    );
  });
});
