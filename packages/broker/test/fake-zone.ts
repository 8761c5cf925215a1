import type { AuthoritativeAnswer } from '@mb/dns';
import type { AskAuthoritative } from '../src/domains/key-sighting.ts';

/** The authoritative servers of a test: texts by name, and what is wrong with them. */
export class FakeZone {
  readonly texts = new Map<string, readonly string[]>();
  readonly exchangers = new Map<string, string>();
  /** What all servers together say of every name instead. */
  trouble: 'contradictory' | 'unknown' | undefined;
  negativeTtlSeconds = 0;
  /** Names that were asked for. */
  readonly asked: string[] = [];

  readonly ask: AskAuthoritative = async (name, type) => {
    this.asked.push(name);
    return this.#answer(name, type) as never;
  };

  publish(
    records: readonly { readonly name: string; readonly type: string; readonly value: string }[],
  ): void {
    for (const { name, type, value } of records) {
      if (type === 'MX') this.exchangers.set(name, value.split(' ')[1]!);
      else this.texts.set(name, [value]);
    }
  }

  #answer(name: string, type: 'TXT' | 'MX' | 'CNAME'): AuthoritativeAnswer {
    const base = { name, type, zone: 'zone.test', servers: [], negativeTtlSeconds: 0 };
    if (this.trouble) {
      return { ...base, status: this.trouble, records: [], reason: `It is ${this.trouble}.` };
    }
    const texts = (this.texts.get(name) ?? []).map((text) => [text]);
    const exchanger = this.exchangers.get(name);
    const exchangers = exchanger === undefined ? [] : [{ preference: 10, exchange: exchanger }];
    const records = type === 'MX' ? exchangers : texts;
    if (records.length > 0) return { ...base, status: 'found', records, reason: 'All servers have it.' };
    const { negativeTtlSeconds } = this;
    return { ...base, negativeTtlSeconds, status: 'absent', records: [], reason: 'No server has it.' };
  }
}
