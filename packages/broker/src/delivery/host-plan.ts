import type { MailHost } from '@mb/dns';
import type { ReachableHop } from '../route/next-hop.ts';
import type { HostSecurity } from '../route/tls-policy.ts';

/** How a host is talked to, or why it is not. */
export type HostPlan =
  | Extract<HostSecurity, { readonly usable: false }>
  | (Extract<HostSecurity, { readonly usable: true }> & {
      readonly host: MailHost;
      readonly nextHop: ReachableHop;
      /** POL-02: what a connection was opened for must be all that the next message asks for. */
      readonly key: string;
    });

/** A host that may be talked to. */
export type UsableHostPlan = Extract<HostPlan, { readonly usable: true }>;
