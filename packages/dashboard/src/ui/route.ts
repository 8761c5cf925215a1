import { signal } from '@preact/signals';

/** Where the user is: the part of the address behind `#`, so that no server needs to know the pages. */
export interface Route {
  readonly page: string;
  /** What the page is about, such as the id of a message. */
  readonly subject: string | undefined;
  readonly query: URLSearchParams;
}

function readRoute(): Route {
  const [path = '', query = ''] = location.hash.replace(/^#\/?/, '').split('?');
  const [page = '', ...subject] = path.split('/');
  return {
    page: page === '' ? 'overview' : page,
    subject: subject.length > 0 ? decoded(subject.join('/')) : undefined,
    query: new URLSearchParams(query),
  };
}

export const route = signal<Route>(readRoute());
addEventListener('hashchange', () => {
  route.value = readRoute();
});

/** The address of a page. */
export function linkTo(page: string, subject?: string, query?: Readonly<Record<string, string>>): string {
  const path = subject === undefined ? page : `${page}/${encodeURIComponent(subject)}`;
  const filled = Object.entries(query ?? {}).filter(([, value]) => value !== '');
  const text = new URLSearchParams(filled).toString();
  return `#/${path}${text === '' ? '' : `?${text}`}`;
}

export function goTo(...target: Parameters<typeof linkTo>): void {
  location.hash = linkTo(...target);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
