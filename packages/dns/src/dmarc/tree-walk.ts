import { isTemporary, type Resolver } from '../resolver.ts';
import { type DmarcRecord, isDmarcRecord, parseDmarcRecord } from './record.ts';

/** The DMARC record at `_dmarc.<domain>`, or why there is none. */
export type DmarcNode =
  | { readonly kind: 'record'; readonly domain: string; readonly record: DmarcRecord }
  | { readonly kind: 'none'; readonly domain: string; readonly problems: readonly string[] }
  /** A DMARC record without a valid policy. */
  | { readonly kind: 'invalid'; readonly domain: string; readonly problems: readonly string[] }
  | { readonly kind: 'temporary'; readonly domain: string; readonly reason: string };

/** The result of a tree walk. */
export interface TreeWalk {
  /** The nodes from the starting domain upwards. */
  readonly nodes: readonly DmarcNode[];
  readonly organizationalDomain: string;
  /** Set when a lookup failed, so that the organisational domain is uncertain. */
  readonly temporary: string | undefined;
}

/** RFC 9989 §4.10: maximum number of queries for a name. */
const maxQueries = 8;

/** Reads DMARC records; an instance looks up each name only once. */
export class DmarcReader {
  readonly #resolver: Resolver;
  readonly #signal: AbortSignal | undefined;
  readonly #nodes = new Map<string, Promise<DmarcNode>>();

  constructor(resolver: Resolver, signal: AbortSignal | undefined) {
    this.#resolver = resolver;
    this.#signal = signal;
  }

  /** Reads the record at `_dmarc.<domain>`. */
  read(domain: string): Promise<DmarcNode> {
    let node = this.#nodes.get(domain);
    if (node === undefined) {
      node = this.#fetch(domain);
      this.#nodes.set(domain, node);
    }
    return node;
  }

  /** The DNS tree walk of RFC 9989 §4.10. */
  async walk(domain: string): Promise<TreeWalk> {
    const nodes: DmarcNode[] = [];
    let temporary: string | undefined;
    for (const name of walkNames(domain)) {
      const node = await this.read(name);
      nodes.push(node);
      if (node.kind === 'temporary') {
        temporary = node.reason;
        break;
      }
      // RFC 9989 §4.10 step 2: a record with psd=y or psd=n ends the walk.
      if (node.kind === 'record' && node.record.publicSuffix !== 'u') break;
    }
    return { nodes, organizationalDomain: organizationalDomain(domain, nodes), temporary };
  }

  async #fetch(domain: string): Promise<DmarcNode> {
    // A name with the prefix would be too long, so there is no record.
    if (domain.length > 253 - '_dmarc.'.length) return { kind: 'none', domain, problems: [] };
    const answer = await this.#resolver.query(`_dmarc.${domain}`, 'TXT', { signal: this.#signal });
    if (isTemporary(answer)) return { kind: 'temporary', domain, reason: answer.reason };
    const texts = answer.records.map((segments) => segments.join('')).filter(isDmarcRecord);
    const [text] = texts;
    if (text === undefined) return { kind: 'none', domain, problems: [] };
    // RFC 9989 §4.10 step 2: several records count as none.
    if (texts.length > 1) {
      return {
        kind: 'none',
        domain,
        problems: [`_dmarc.${domain} has ${texts.length} DMARC records; none of them counts.`],
      };
    }
    const parsed = parseDmarcRecord(text);
    if (!parsed.ok) return { kind: 'invalid', domain, problems: parsed.problems };
    return { kind: 'record', domain, record: parsed.record };
  }
}

/** RFC 9989 §4.10 steps 3 and 4: the name, then its last seven labels or fewer, down to one. */
function walkNames(domain: string): string[] {
  const labels = domain.split('.');
  const names = [domain];
  for (let count = Math.min(labels.length - 1, maxQueries - 1); count >= 1; count--) {
    names.push(labels.slice(-count).join('.'));
  }
  return names;
}

/** The organisational domain by RFC 9989 §4.10.2. */
function organizationalDomain(start: string, nodes: readonly DmarcNode[]): string {
  const records = nodes.filter((node) => node.kind === 'record');
  const named = records.find(({ record }) => record.publicSuffix === 'n');
  if (named !== undefined) return named.domain;
  const suffix = records.find(({ domain, record }) => record.publicSuffix === 'y' && domain !== start);
  if (suffix !== undefined) return oneLabelBelow(suffix.domain, start);
  return records.at(-1)?.domain ?? start;
}

function oneLabelBelow(suffix: string, start: string): string {
  return start
    .split('.')
    .slice(-(suffix.split('.').length + 1))
    .join('.');
}
