import { getServers } from 'node:dns';
import { readFileSync } from 'node:fs';

/** What the machine says about its resolvers. */
export interface SystemConfig {
  /** In the form that `parseServer` reads. */
  readonly servers: readonly string[];
  /** `options trust-ad` of resolv.conf(5): the administrator vouches for the servers' validation. */
  readonly trustAuthenticData: boolean;
}

/** Reads /etc/resolv.conf, or asks node where there is no such file. */
export function readSystemConfig(path = '/etc/resolv.conf'): SystemConfig {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return { servers: getServers(), trustAuthenticData: false };
  }
  return parseResolvConf(text);
}

/** Reads the text of a resolv.conf(5); without any nameserver the local one is meant. */
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
