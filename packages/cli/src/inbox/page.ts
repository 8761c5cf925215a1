/**
 * The page of `mb inbox --ui`. It gets everything from the HTTP API and shows it as text; a message's HTML is in a frame
 * without scripts, forms and network.
 *
 * @param nonce  The nonce of the Content-Security-Policy, which allows only this script and this style.
 */
export function inboxPage(nonce: string): string {
  // Long because the page is one template.
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mb inbox</title>
<style nonce="${nonce}">
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; --line: color-mix(in srgb, currentColor 20%, transparent) }
body { margin: 0; display: grid; grid-template: auto 1fr / minmax(16rem, 24rem) 1fr; height: 100vh }
header { grid-column: 1 / 3; padding: .5rem 1rem; border-bottom: 1px solid var(--line); display: flex; gap: 1rem; align-items: center }
h1 { font-size: 1rem; margin: 0; flex: 1 }
ol { list-style: none; margin: 0; padding: 0; overflow: auto; border-right: 1px solid var(--line) }
ol button { all: unset; display: block; box-sizing: border-box; width: 100%; padding: .6rem 1rem; border-bottom: 1px solid var(--line); cursor: pointer; overflow-wrap: anywhere }
ol button:focus-visible, [role=tab]:focus-visible { outline: 2px solid Highlight; outline-offset: -2px }
ol button[aria-current=true] { background: color-mix(in srgb, Highlight 20%, transparent) }
small { opacity: .75; display: block }
main { overflow: auto; padding: 1rem; display: flex; flex-direction: column; gap: .75rem }
main h2 { margin: 0; font-size: 1.2rem; overflow-wrap: anywhere }
[role=tablist] { display: flex; gap: .25rem; flex-wrap: wrap }
[role=tab] { font: inherit; padding: .25rem .75rem; border: 1px solid var(--line); border-radius: .4rem; background: none; color: inherit; cursor: pointer }
[role=tab][aria-selected=true] { background: color-mix(in srgb, Highlight 25%, transparent) }
iframe { border: 1px solid var(--line); background: #fff; width: 100%; flex: 1; min-height: 20rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere; margin: 0 }
</style>
<header><h1>mb inbox</h1><span id="state" role="status"></span><button id="clear">Delete all</button></header>
<ol id="list" aria-label="Messages"></ol>
<main id="message"><p>No message is selected.</p></main>
<script nonce="${nonce}">
'use strict';
const $ = (id) => document.getElementById(id);
const make = (tag, text, attributes = {}) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
};
const get = async (path) => {
  const response = await fetch(path);
  if (!response.ok) throw new Error(response.status + ' ' + path);
  return response.json();
};
let selected, tab = 'HTML', shown = '';
async function refresh() {
  try {
    const { messages } = await get('/api/messages');
    const key = messages.map(({ id }) => id).join();
    $('state').textContent = messages.length === 1 ? '1 message' : messages.length + ' messages';
    if (key !== shown) {
      shown = key;
      $('list').replaceChildren(...messages.reverse().map(({ id, subject, recipients, at }) => {
        const button = make('button', subject || '(no subject)', { 'data-id': id, 'aria-current': id === selected });
        button.append(make('small', recipients.join(', ')), make('small', new Date(at).toLocaleTimeString()));
        button.addEventListener('click', () => select(id));
        const item = make('li');
        item.append(button);
        return item;
      }));
    }
  } catch { $('state').textContent = 'The inbox has ended.'; }
  setTimeout(refresh, 1000);
}
async function select(id) {
  selected = id;
  for (const button of document.querySelectorAll('#list button')) button.setAttribute('aria-current', button.dataset.id === String(id));
  show(await get('/api/messages/' + id));
}
function rows(values) {
  const list = make('ul');
  list.append(...values.map((value) => make('li', value)));
  return values.length === 0 ? make('p', 'None.') : list;
}
const views = {
  HTML: ({ id, html }) => html === undefined ? make('p', 'The message has no HTML.') : make('iframe', undefined, { sandbox: '', src: '/api/messages/' + id + '/html', title: 'HTML of the message' }),
  Text: ({ text }) => text === undefined ? make('p', 'The message has no text.') : make('pre', text),
  Source: ({ id }) => make('iframe', undefined, { sandbox: '', src: '/api/messages/' + id + '/source', title: 'Source of the message' }),
  Attachments: ({ id, attachments }) => {
    const list = make('ul');
    list.append(...attachments.map(({ filename, contentType, size }, index) => {
      const item = make('li');
      item.append(make('a', filename || contentType, { href: '/api/messages/' + id + '/attachments/' + index, download: '' }), ' ' + contentType + ', ' + size + ' octets');
      return item;
    }));
    return attachments.length === 0 ? make('p', 'None.') : list;
  },
  Checks: ({ verdicts, lint }) => {
    const part = make('div');
    part.append(make('h3', 'DKIM, SPF, DMARC'), rows(verdicts.map(({ method, result, detail }) => method + '=' + result + (detail ? ': ' + detail : ''))), make('h3', 'What receivers will object to'), rows(lint.map(({ severity, message }) => severity + ': ' + message)));
    return part;
  },
  Links: ({ links, codes }) => {
    const part = make('div');
    part.append(make('h3', 'Links'), rows(links), make('h3', 'Codes'), rows(codes));
    return part;
  },
};
function show(message) {
  const tabs = make('div', undefined, { role: 'tablist' });
  const panel = make('div', undefined, { role: 'tabpanel' });
  const open = (name) => {
    tab = name;
    for (const each of tabs.children) each.setAttribute('aria-selected', each.textContent === name);
    panel.replaceChildren(views[name](message));
  };
  for (const name of Object.keys(views)) {
    const button = make('button', name, { role: 'tab' });
    button.addEventListener('click', () => open(name));
    tabs.append(button);
  }
  $('message').replaceChildren(make('h2', message.subject || '(no subject)'), make('small', '<' + message.sender + '> → ' + message.recipients.join(', ')), tabs, panel);
  open(tab);
}
$('clear').addEventListener('click', async () => {
  await fetch('/api/messages', { method: 'DELETE', headers: { 'content-type': 'application/json' } });
  $('message').replaceChildren(make('p', 'No message is selected.'));
});
refresh();
</script>
</html>
`;
}
