import type { MtaStsStore } from '@mb/dns';

/** Keeps an enforced MTA-STS policy of one domain. */
export function enforcing(domain: string, mx: string): MtaStsStore {
  const policy = { mode: 'enforce', mx: [mx], maxAgeSeconds: 86_400 } as const;
  const entry = { domain, id: '1', policy, fetchedAt: Date.now() };
  return {
    get: async (name) => (name === domain ? entry : undefined),
    set: async () => {},
    delete: async () => {},
  };
}
