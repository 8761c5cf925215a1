import { connect } from 'node:net';
import { canonicalAddress } from '../address-guard.ts';
import { findMailRoute, type MailRoute } from '../mail-route.ts';
import type { ConnectProbe, ProbeResult } from './connect-probe.ts';
import type { DiagnosisContext } from './context.ts';
import type { Finding } from './finding.ts';

/** Timeout of the probe; a network that drops packets never answers. */
const probeTimeoutMs = 5_000;
const maxTargets = 3;

/** Checks whether a mail exchanger can be reached on port 25; takes at most five seconds. */
export async function checkEgress(route: MailRoute, context: DiagnosisContext): Promise<Finding> {
  const targets = await probeAddresses(route, context);
  const base = { check: 'port-25', subject: 'port 25' } as const;
  if (targets.length === 0) {
    const fix = 'Name domains to probe whose exchangers are elsewhere, such as one that you send mail to.';
    return {
      ...base,
      severity: 'info',
      message:
        'Port 25 was not tested, because there was no mail exchanger of another network to connect to.',
      evidence: [],
      fix,
    };
  }
  const results = await Promise.all(targets.map((address) => context.connect(address, 25, context.signal)));
  const evidence = targets.map((address, index) => `${address}:25 ${results[index]}`);
  if (results.includes('greeted'))
    return { ...base, severity: 'ok', message: 'Port 25 is open to the outside.', evidence };
  const fix = 'Ask the provider to open outgoing port 25, or send through a relay on port 587 or 465.';
  if (results.every((result) => result === 'timeout')) {
    return {
      ...base,
      severity: 'error',
      message: 'Nothing answers on port 25; this network most likely blocks it.',
      evidence,
      fix,
    };
  }
  return {
    ...base,
    severity: 'warning',
    message: 'No mail exchanger could be reached on port 25.',
    evidence,
    fix,
  };
}

async function probeAddresses(route: MailRoute, context: DiagnosisContext): Promise<string[]> {
  const { probeTargets, resolver, signal, allowAddresses } = context;
  const options = { signal, ...(allowAddresses === undefined ? {} : { allowAddresses }) };
  const routes =
    probeTargets === undefined
      ? [route]
      : await Promise.all(
          probeTargets.slice(0, maxTargets).map((domain) => findMailRoute(domain, resolver, options)),
        );
  const own = new Set(context.addresses.map(canonicalAddress));
  const addresses = routes
    .flatMap((found) => (found.status === 'found' ? found.hosts : []))
    .map((host) => host.addresses[0]!.address);
  return [...new Set(addresses)].filter((address) => !own.has(address)).slice(0, maxTargets);
}

/** The probe over TCP. */
export const connectProbe: ConnectProbe = (address, port, signal) =>
  new Promise((resolve) => {
    const socket = connect({ host: address, port });
    let connected = false;
    const finish = (result: ProbeResult) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(result);
    };
    const onAbort = () => finish('timeout');
    const timer = setTimeout(() => finish(connected ? 'silent' : 'timeout'), probeTimeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('connect', () => {
      connected = true;
    });
    socket.on('data', () => finish('greeted'));
    socket.on('end', () => finish('silent'));
    socket.on('error', (error: NodeJS.ErrnoException) =>
      finish(error.code === 'ECONNREFUSED' ? 'refused' : 'unreachable'),
    );
  });
