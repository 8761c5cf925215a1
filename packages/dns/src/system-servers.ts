import { statSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { makeServerSet, type ServerSet } from './server-address.ts';
import { readSystemConfig, type SystemConfig } from './system-config.ts';

/** How often resolv.conf is looked at while there are lookups. */
const checkMs = 1_000;

/**
 * The servers of the machine. A laptop changes its network and a container its address, so resolv.conf is read again
 * when it has changed. It is checked when a lookup is made, at most once per second: there is no timer and no watcher that
 * would keep the process alive.
 */
export class SystemServers {
  readonly #path: string;
  readonly #trustAuthenticData: boolean | undefined;
  readonly #clock: Clock;
  #set: ServerSet;
  #version: string;
  #checkedAt: number;

  constructor(path: string, trustAuthenticData: boolean | undefined, clock: Clock) {
    this.#path = path;
    this.#trustAuthenticData = trustAuthenticData;
    this.#clock = clock;
    this.#checkedAt = clock.now();
    this.#version = versionOf(path);
    this.#set = this.#make(readSystemConfig(path));
  }

  current(): ServerSet {
    const now = this.#clock.now();
    if (Math.abs(now - this.#checkedAt) < checkMs) return this.#set;
    this.#checkedAt = now;
    const version = versionOf(this.#path);
    if (version === this.#version || version === '') return this.#set;
    try {
      this.#set = this.#make(readSystemConfig(this.#path));
      this.#version = version;
    } catch {
      // Half written, or with a line that is no server: what was read before stays, and is compared again.
    }
    return this.#set;
  }

  #make(config: SystemConfig): ServerSet {
    return makeServerSet(
      config.servers,
      this.#trustAuthenticData ?? (config.trustAuthenticData ? true : undefined),
    );
  }
}

/** Changes with the file, also where a link points to another one; empty when there is none. */
function versionOf(path: string): string {
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false });
  return facts === undefined ? '' : `${facts.dev} ${facts.ino} ${facts.size} ${facts.mtimeNs}`;
}
