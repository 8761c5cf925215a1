import { getServers } from 'node:dns';
import { readFileSync } from 'node:fs';

/** The resolver configuration of the machine. */
export interface SystemConfig {
  /** Servers in the form that `parseServer` accepts. */
  readonly servers: readonly string[];
  /** `options trust-ad` of resolv.conf(5): the administrator trusts the servers' validation. */
  readonly trustAuthenticData: boolean;
}

/** Reads /etc/resolv.conf; without that file, gets the servers from Node. */
export function readSystemConfig(path = '/etc/resolv.conf'): SystemConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return { servers: getServers(), trustAuthenticData: false };
  }
  return parseResolvConf(text);
}

/** Parses a resolv.conf(5); without a nameserver, the server is 127.0.0.1. */
export function parseResolvConf(text: string): SystemConfig {
  const servers: string[] = [];
  let trustAuthenticData = false;
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) servers.push(values[0]);
    if (keyword === 'options' && values.includes('trust-ad')) trustAuthenticData = true;
  }
  return { servers: servers.length > 0 ? servers : ['127.0.0.1'], trustAuthenticData };
}
