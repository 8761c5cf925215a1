import { expect, it } from 'vitest';
import { type RouteOption, readRoutes, routeFor } from './next-hop.ts';

const relay: RouteOption = { type: 'smarthost', host: 'relay.example.com' };
const store: RouteOption = { type: 'lmtp', host: '[192.0.2.1]' };
const mx: RouteOption = { type: 'mx' };

it('takes the most specific route: the domain, the nearest parent, the rest', () => {
  const routes = { 'example.org': store, '.example.org': mx, '.org': relay, '*': relay };
  expect(routeFor('example.org', routes)).toBe(store);
  expect(routeFor('sub.example.org', routes)).toBe(mx);
  expect(routeFor('deep.sub.example.org', routes)).toBe(mx);
  expect(routeFor('example.net', routes)).toBe(relay);
  expect(routeFor('other.org', { '.org': store, '*': relay })).toBe(store);
});

it('goes by mail exchangers where no route is configured, whatever the domain is called', () => {
  expect(routeFor('example.org', {})).toEqual(mx);
  expect(routeFor('constructor', {})).toEqual(mx);
  expect(routeFor('__proto__', {})).toEqual(mx);
});

it('OPT-08 finds a route in whatever case and form its domain is written', () => {
  const routes = readRoutes({ 'Example.ORG': store, '.Bücher.example.': mx, '[192.0.2.1]': relay }, 'routes');
  expect(routeFor('example.org', routes)).toEqual(store);
  expect(routeFor('shop.xn--bcher-kva.example', routes)).toEqual(mx);
  expect(routeFor('[192.0.2.1]', routes)).toEqual(relay);
});

it('uses a fallback relay as it was checked, whatever becomes of the object that was given', () => {
  const fallback = { type: 'smarthost', host: 'relay.example.com' } as const;
  const routes = readRoutes({ '*': { type: 'mx', fallback } }, 'routes');
  Object.assign(fallback, { host: 'a b' });
  expect(routeFor('example.org', routes)).toEqual({
    type: 'mx',
    fallback: { type: 'smarthost', host: 'relay.example.com' },
  });
});
