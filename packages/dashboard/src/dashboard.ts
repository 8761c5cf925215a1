import { DashboardError } from './errors.ts';
import { builtFolder, type DashboardFile, readFiles } from './files.ts';
import { type OptionTable, readOptions, text } from './option-table.ts';

/** Options of {@link dashboard}. */
export interface DashboardOptions {
  /** Where the dashboard is mounted; requests elsewhere get 404. Default `/ui`. */
  readonly path?: string | undefined;
  /**
   * Path of the API, relative to the page: it ends with `/`, and `v1/` follows it. It must be of the same origin, since
   * the cookie of a session is sent nowhere else. Default `../`, which fits `/ui` beside `/v1`, also behind a proxy
   * that puts a prefix in front of both.
   */
  readonly api?: string | undefined;
}

/** What each option accepts. @internal */
export const dashboardOptions = {
  path: text('a path such as /ui', { default: '/ui', pattern: /^(?:\/[A-Za-z0-9._~-]+)+$/ }),
  api: text('a path that ends with /, such as ../ or /mail/', {
    default: '../',
    pattern: /^(?:\.\.\/|\/)(?:[A-Za-z0-9._~-]+\/|\.\.\/)*$/,
  }),
} satisfies OptionTable<DashboardOptions>;

/**
 * The page runs only its own script and style, connects only to its own origin, and cannot be framed. A message's HTML
 * is in a frame of its own, whose policy the API sets.
 */
const policy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'";

const commonHeaders = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
} as const;

/**
 * Makes a fetch handler that serves the dashboard. The files are read at the first request; in a clone of the project
 * that was not built, requests get 503 with the command that builds it.
 *
 * @throws {DashboardError} MB_DASHBOARD_OPTION
 * @example
 * const server = createServer({ broker, dashboard: dashboard() });
 * await server.listen({ port: 8025 }); // http://127.0.0.1:8025/ui/
 */
export function dashboard(options: DashboardOptions = {}): (request: Request) => Promise<Response> {
  return dashboardOf(() => readFiles(builtFolder), options);
}

/** As {@link dashboard}, with other files. @internal */
export function dashboardOf(
  read: () => Promise<ReadonlyMap<string, DashboardFile>>,
  options: DashboardOptions,
): (request: Request) => Promise<Response> {
  const { path, api } = readOptions(options, dashboardOptions, 'dashboard: options');
  let reading: ReturnType<typeof read> | undefined;
  return async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname !== path && !pathname.startsWith(`${path}/`)) return plain(404, 'There is no such page.');
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return plain(405, 'The dashboard only answers GET.', { allow: 'GET, HEAD' });
    }
    // Relative, so that a prefix of a proxy stays: /mail/ui leads to /mail/ui/.
    if (pathname === path) return plain(308, '', { location: `${path.slice(path.lastIndexOf('/') + 1)}/` });
    let files: ReadonlyMap<string, DashboardFile>;
    try {
      reading ??= read();
      files = await reading;
    } catch (error) {
      reading = undefined;
      if (DashboardError.isInstance(error)) return plain(503, error.message);
      throw error;
    }
    const name = pathname.slice(path.length + 1) || 'index.html';
    const file = files.get(name);
    if (!file) return plain(404, 'There is no such page.');
    return name === 'index.html'
      ? send(pageFor(file, api), request, 'no-cache')
      : send(file, request, cacheOf(name));
  };
}

/** The page, which names where the API is. */
function pageFor({ type, octets }: DashboardFile, api: string) {
  const html = Buffer.from(octets)
    .toString()
    .replace(/(<meta name="mb-api" content=")[^"]*"/, (_, start: string) => `${start}${api}"`);
  return { type, octets: new Uint8Array(Buffer.from(html)), compressed: undefined };
}

/** The build puts a digest into the names below assets/: what such a name means never changes. */
function cacheOf(name: string): string {
  return name.startsWith('assets/') ? 'public, max-age=31536000, immutable' : 'no-cache';
}

function send(
  {
    type,
    octets,
    compressed,
  }: Pick<DashboardFile, 'type' | 'octets'> & {
    readonly compressed: DashboardFile['compressed'] | undefined;
  },
  request: Request,
  cache: string,
): Response {
  const accepted = (request.headers.get('accept-encoding') ?? '').toLowerCase();
  const coding = compressed && (['br', 'gzip'] as const).find((one) => accepts(accepted, one));
  const body = coding ? compressed[coding] : octets;
  return new Response(request.method === 'HEAD' ? null : body, {
    headers: {
      ...commonHeaders,
      'content-type': type,
      'content-length': String(body.length),
      'cache-control': cache,
      ...(compressed && { vary: 'accept-encoding' }),
      ...(coding && { 'content-encoding': coding }),
    },
  });
}

/** RFC 9110 §12.5.3: a coding with `q=0` is not accepted. */
function accepts(header: string, coding: string): boolean {
  return header.split(',').some((one) => {
    const [name, ...parameters] = one.split(';').map((part) => part.trim());
    return name === coding && !parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  });
}

function plain(status: number, body: string, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body === '' ? null : body, {
    status,
    headers: { ...commonHeaders, 'content-type': 'text/plain; charset=utf-8', ...headers },
  });
}
