import { useEffect, useRef } from 'preact/hooks';
import { loadSession, logOut, may, online, seesAll, session } from './api.ts';
import { live, startLive, stopLive } from './live.ts';
import { Login } from './login.tsx';
import { AuditPage } from './pages/audit.tsx';
import { BulkPage } from './pages/bulk.tsx';
import { DestinationPage } from './pages/destination.tsx';
import { DestinationsPage } from './pages/destinations.tsx';
import { DomainPage } from './pages/domain.tsx';
import { DomainsPage } from './pages/domains.tsx';
import { KeysPage } from './pages/keys.tsx';
import { MessagePage } from './pages/message.tsx';
import { MessagesPage } from './pages/messages.tsx';
import { OverviewPage } from './pages/overview.tsx';
import { ReportsPage } from './pages/reports.tsx';
import { SuppressionsPage } from './pages/suppressions.tsx';
import { WebhookPage } from './pages/webhook.tsx';
import { WebhooksPage } from './pages/webhooks.tsx';
import { act, Notice, Page, toast } from './parts.tsx';
import { linkTo, route } from './route.ts';
import { useScrollHint } from './scroll-hint.ts';
import { nextTheme, theme } from './theme.ts';

/** The pages in the order of the menu, with what they need. */
const pages: readonly { readonly name: string; readonly title: string; readonly shown: () => boolean }[] = [
  { name: 'overview', title: 'Overview', shown: () => may('read') },
  { name: 'destinations', title: 'Destinations', shown: () => may('read') && seesAll() },
  { name: 'messages', title: 'Messages', shown: () => may('read') },
  { name: 'bulk', title: 'Bulk', shown: () => may('read') && may('operate') },
  { name: 'suppressions', title: 'Suppressions', shown: () => may('read') },
  { name: 'domains', title: 'Domains', shown: () => may('read') },
  { name: 'webhooks', title: 'Webhooks', shown: () => may('read') },
  { name: 'reports', title: 'Reports', shown: () => may('read') && seesAll() },
  { name: 'keys', title: 'Keys', shown: () => may('admin') },
  { name: 'audit', title: 'Audit', shown: () => may('admin') },
];

export function App() {
  useEffect(() => {
    void loadSession();
  }, []);
  const loggedIn = session.value ? session.value.key.id : session.value;
  useEffect(() => {
    if (loggedIn && may('read')) startLive();
    else stopLive();
    return stopLive;
  }, [loggedIn]);
  if (loggedIn === null) return <Login />;
  if (loggedIn === undefined) return <main class="login">{online.value ? 'Loading…' : <Offline />}</main>;
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <Header />
      <Menu />
      <main id="main" tabIndex={-1}>
        {!online.value && <Offline />}
        <CurrentPage />
      </main>
      <div class="toasts" role="status" aria-live="polite">
        {toast.value && (
          <div class={`toast ${toast.value.failed ? 'failed' : ''}`}>
            {toast.value.text}
            <button type="button" aria-label="Dismiss" onClick={() => (toast.value = undefined)}>
              ×
            </button>
          </div>
        )}
      </div>
    </>
  );
}

function Menu() {
  const { page } = route.value;
  const menu = useRef<HTMLElement>(null);
  useScrollHint(menu);
  useEffect(() => {
    const element = menu.current!;
    // On narrow screens the menu is longer than the screen is wide, also after the window was made smaller.
    const observer = new ResizeObserver(() => {
      const current = element.querySelector<HTMLElement>('[aria-current]');
      if (!current) return;
      element.scrollLeft = current.offsetLeft - (element.clientWidth - current.offsetWidth) / 2;
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, [page]);
  return (
    <nav ref={menu} class="menu" aria-label="Pages">
      <ul>
        {pages
          .filter(({ shown }) => shown())
          .map(({ name, title }) => (
            <li key={name}>
              <a
                href={linkTo(name)}
                aria-current={
                  page === name || (name === 'messages' && page === 'message') ? 'page' : undefined
                }
              >
                {title}
              </a>
            </li>
          ))}
      </ul>
    </nav>
  );
}

function Header() {
  const { key, readOnly } = session.value!;
  return (
    <header class="bar">
      <a class="brand" href={linkTo('overview')}>
        mb
      </a>
      <span
        class={`live ${live.value ? 'on' : 'off'}`}
        title={live.value ? 'Events come in' : 'No events come in'}
      >
        {live.value ? 'Live' : 'Not live'}
      </span>
      <span class="space" />
      {readOnly && <span class="tag">read-only</span>}
      <span class="who" title={`Logged in with the key ${key.name}`}>
        {key.name}
        {key.tenant !== undefined && <> · {key.tenant}</>}
      </span>
      <button
        type="button"
        title={`Use the ${theme.value === 'dark' ? 'light' : 'dark'} theme`}
        onClick={nextTheme}
      >
        {theme.value === 'dark' ? 'Light' : 'Dark'}
      </button>
      <button
        type="button"
        onClick={() =>
          act(async () => {
            await logOut();
            return 'You are logged out.';
          })
        }
      >
        Log out
      </button>
    </header>
  );
}

function Offline() {
  return (
    <Notice kind="error">
      The server does not answer. What you see may be old; the dashboard tries again.
    </Notice>
  );
}

function CurrentPage() {
  const { page, subject } = route.value;
  const known = pages.find(({ name }) => name === page);
  if (page !== 'message' && !known?.shown()) {
    return (
      <Page title={known ? known.title : 'Not found'}>
        <Notice kind="warning">
          {known ? 'Your key has no scope for this page, or is one of a tenant.' : 'There is no such page.'}
        </Notice>
      </Page>
    );
  }
  switch (page) {
    case 'destinations':
      return subject === undefined ? <DestinationsPage /> : <DestinationPage key={subject} name={subject} />;
    case 'messages':
      return <MessagesPage />;
    case 'message':
      return <MessagePage key={subject ?? ''} id={subject ?? ''} />;
    case 'bulk':
      return <BulkPage />;
    case 'suppressions':
      return <SuppressionsPage />;
    case 'domains':
      return subject === undefined ? <DomainsPage /> : <DomainPage key={subject} name={subject} />;
    case 'webhooks':
      return subject === undefined ? <WebhooksPage /> : <WebhookPage key={subject} id={subject} />;
    case 'reports':
      return <ReportsPage />;
    case 'keys':
      return <KeysPage />;
    case 'audit':
      return <AuditPage />;
    default:
      return <OverviewPage />;
  }
}
