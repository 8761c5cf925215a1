/** Records of one name, as the other implementations' fake resolvers read them. */
export interface CaseRecords {
  /** Every lookup of the name fails. */
  readonly fail?: boolean;
  readonly A?: readonly string[];
  readonly AAAA?: readonly string[];
  readonly MX?: readonly (readonly [number, string])[];
  readonly PTR?: readonly string[];
  readonly TXT?: readonly string[];
}

/** One check, with all its DNS records. */
export interface SpfCase {
  readonly ip: string;
  readonly sender: string;
  readonly helo: string;
  readonly zone: Readonly<Record<string, CaseRecords>>;
}

/** Small, fast, seeded: the same cases on every machine (mulberry32). */
function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const addresses4 = ['192.0.2.1', '192.0.2.130', '198.51.100.7', '203.0.113.250', '192.0.3.1'];
const addresses6 = ['2001:db8::1', '2001:db8:8000::1', '2001:db8::ffff', '2001:db9::1'];

/** Makes cases whose records name each other, with and without mistakes; about a third has some oddity. */
export function makeSpfCases(count: number, seed: number): SpfCase[] {
  const random = makeRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  const chance = (probability: number) => random() < probability;
  let ip = '';
  const domains = Array.from({ length: 7 }, (_, index) => `d${index}.example.test`);
  const hosts = Array.from({ length: 6 }, (_, index) => `h${index}.example.test`);

  const name = () =>
    chance(0.75)
      ? pick(hosts)
      : chance(0.8)
        ? pick(domains)
        : pick(['none.test', 'x.none.test', 'example.test']);
  const macro = () =>
    pick([
      '%{d}',
      '%{d2}',
      '%{dr}.test',
      '%{i}.ip.test',
      '%{ir}.%{v}.ip.test',
      '%{l}.user.test',
      '%{o}',
      '%{h}',
      '%{s}.s.test',
      '%{l1r-}.user.test',
      '%{d1}.test',
      '%{o2r}.rev.test',
      '%{L}.user.test',
      '%{i2}.ip.test',
      '%{lr+}.user.test',
      'a%-b.test',
      'a%_b.test',
      '%{v}.v.test',
      'p.%{p}',
      '%{H}.x.test',
    ]);
  const target = () => (chance(0.85) ? name() : macro());
  const broken = () =>
    pick([
      'ip4:1.2.3',
      'ip4:1.2.3.4/33',
      'ip4:1.2.3.4/032',
      'ip6:2001:db8::1/129',
      'ip6:1.2.3.4',
      'include',
      'a:',
      'exists',
      'all:x',
      'mx/',
      'moo',
      'a:%{x}.test',
      'a:h0',
      'ip4:',
      'redirect=',
      'exists:%{c}.test',
      'a:test/33',
      'ptr:',
      'a:h0.example.test/24/64',
      'a:h0.example.test//129',
      'include:%{d0}.test',
      '-',
      '+-all',
      'a:1.2.3.4',
      'exp=h',
      'a=h0.example.test=x%',
      '=x',
      'ip4:::1',
      'mx:h0.example.test/00',
    ]);
  const prefix = () =>
    chance(0.3) ? pick(['/24', '/32', '/0', '/16', '/24//64', '//32', '//128', '/31//127']) : '';
  // Mail::SPF lets an ip6 network of prefix 0 match IPv4 clients, which RFC 7208 §5.6 rules out.
  const prefixes6 = () => ['/32', '/33', '/112', '/128', ...(ip.includes(':') ? ['/0'] : [])];
  const qualifier = () => (chance(0.7) ? '' : pick(['+', '-', '~', '?']));
  const term = () => {
    const kind = random();
    if (kind < 0.22)
      return `ip4:${pick(addresses4)}${chance(0.4) ? pick(['/32', '/24', '/25', '/8', '/0']) : ''}`;
    if (kind < 0.32) return `ip6:${pick(addresses6)}${chance(0.5) ? pick(prefixes6()) : ''}`;
    if (kind < 0.5) return `${chance(0.3) ? 'a' : `a:${target()}`}${prefix()}`;
    if (kind < 0.6) return `${chance(0.3) ? 'mx' : `mx:${target()}`}${prefix()}`;
    if (kind < 0.82) return `include:${chance(0.9) ? pick(domains) : target()}`;
    if (kind < 0.92) return `exists:${target()}`;
    return chance(0.5) ? 'ptr' : `ptr:${target()}`;
  };
  const record = () => {
    const terms = Array.from({ length: Math.floor(random() * 5) }, () => `${qualifier()}${term()}`);
    if (chance(0.04)) terms.push(broken());
    if (chance(0.75)) terms.push(`${pick(['-', '~', '?', ''])}all`);
    else if (chance(0.5)) terms.push(`redirect=${chance(0.9) ? pick(domains) : target()}`);
    if (chance(0.1)) terms.push(pick(['unknown=x', 'x-y.z=%{d}', 'exp=why.example.test']));
    const text = `v=spf1${terms.map((each) => ` ${chance(0.03) ? ' ' : ''}${each}`).join('')}`;
    return chance(0.03) ? text.toUpperCase().replace('V=SPF1', 'V=spf1') : text;
  };

  return Array.from({ length: count }, () => {
    ip = chance(0.75) ? pick(addresses4) : pick(addresses6);
    const zone: Record<string, CaseRecords> = { 'why.example.test': { TXT: ['%{i} may not send for %{o}'] } };
    for (const domain of domains) {
      const txt = chance(0.92) ? [record()] : [];
      if (chance(0.02)) txt.push(record());
      if (chance(0.05)) txt.push('unrelated');
      zone[domain] = chance(0.02)
        ? { fail: true }
        : {
            TXT: txt,
            ...(chance(0.5) && { A: [pick(addresses4)] }),
            ...(chance(0.3) && { MX: [[10, pick(hosts)]] }),
          };
    }
    for (const host of hosts) {
      if (chance(0.25)) continue;
      const some = <T>(list: readonly T[], most: number) =>
        Array.from({ length: Math.ceil(random() * most) }, () => pick(list));
      zone[host] = chance(0.03)
        ? { fail: true }
        : {
            ...(chance(0.7) && { A: [...new Set(some(addresses4, 3))] }),
            ...(chance(0.5) && { AAAA: [...new Set(some(addresses6, 2))] }),
            ...(chance(0.3) && {
              MX: Array.from({ length: chance(0.1) ? 11 : 2 }, (_, i): [number, string] => [i, pick(hosts)]),
            }),
          };
    }
    if (chance(0.6)) {
      const names = Array.from({ length: chance(0.1) ? 12 : 2 }, () =>
        pick([...hosts, ...domains, 'none.test']),
      );
      zone[reverse(ip)] = chance(0.05) ? { fail: true } : { PTR: [...new Set(names)] };
    }
    return {
      ip,
      sender: `${pick(['ada', 'a-b', 'A.b+c', 'x_y'])}@${domains[0]}`,
      helo: pick([hosts[0]!, domains[1]!, 'helo.test']),
      zone,
    };
  });
}

function reverse(ip: string): string {
  if (!ip.includes(':')) return `${ip.split('.').reverse().join('.')}.in-addr.arpa`;
  const [head = '', tail = ''] = ip.split('::');
  const left = head.split(':').filter((word) => word !== '');
  const right = tail.split(':').filter((word) => word !== '');
  const words = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  return `${[...words.map((word) => word.padStart(4, '0')).join('')].reverse().join('.')}.ip6.arpa`;
}
