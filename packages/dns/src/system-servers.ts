import { statSync } from 'node:fs';
import type { Clock } from './clock.ts';
import { makeServerSet, type ServerSet } from './server-address.ts';
import { readSystemConfig, type SystemConfig } from './system-config.ts';

/** Minimum time between checks of resolv.conf. */
const checkMs = 1_000;

/**
 * The servers of the machine. resolv.conf is read again when it has changed, such as on a laptop in another network. It is
 * checked during lookups, at most once per second, since a timer or watcher would keep the process alive.
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
      // The file is incomplete or invalid: keep the old servers, and check it again later.
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

/** A string that changes when the file, or the target of a symbolic link, changes; empty when there is no file. */
function versionOf(path: string): string {
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false });
  return facts === undefined ? '' : `${facts.dev} ${facts.ino} ${facts.size} ${facts.mtimeNs}`;
}
