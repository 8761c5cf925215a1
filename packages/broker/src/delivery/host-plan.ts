import type { MailHost } from '@mb/dns';
import type { ReachableHop } from '../route/next-hop.ts';
import type { HostSecurity } from '../route/tls-policy.ts';

/** How to connect to a host, or why it must not be used. */
export type HostPlan =
  | Extract<HostSecurity, { readonly usable: false }>
  | (Extract<HostSecurity, { readonly usable: true }> & {
      readonly host: MailHost;
      readonly nextHop: ReachableHop;
      /** POL-02: names all that a connection is opened with; only messages with an equal key share it. */
      readonly key: string;
    });

/** A host that may be used. */
export type UsableHostPlan = Extract<HostPlan, { readonly usable: true }>;
