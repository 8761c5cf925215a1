/** Groups of mail hosts by the domain below which they are; the names are values of labels. */
const groups: Readonly<Record<string, readonly string[]>> = {
  google: ['google.com', 'googlemail.com', 'gmail.com'],
  microsoft: ['outlook.com', 'hotmail.com', 'live.com', 'office365.us', 'olc.protection.outlook.com'],
  yahoo: ['yahoodns.net', 'yahoo.com', 'yahoo.co.jp', 'aol.com'],
  apple: ['icloud.com', 'me.com', 'apple.com'],
  proton: ['protonmail.ch', 'proton.me'],
  fastmail: ['messagingengine.com'],
  zoho: ['zoho.com', 'zoho.eu', 'zoho.in'],
  gmx: ['gmx.net', 'web.de', '1und1.de', 'mail.com'],
  ionos: ['ionos.com', 'ionos.de', 'kundenserver.de', 'perfora.net'],
  't-online': ['t-online.de'],
  ovh: ['ovh.net'],
  orange: ['orange.fr', 'wanadoo.fr'],
  'mail-ru': ['mail.ru'],
  yandex: ['yandex.net', 'yandex.ru'],
  tencent: ['qq.com'],
  netease: ['163.com', '126.com', 'netease.com'],
  comcast: ['comcast.net'],
  mimecast: ['mimecast.com', 'mimecast.co.za'],
  proofpoint: ['pphosted.com', 'ppe-hosted.com'],
  barracuda: ['barracudanetworks.com'],
  cisco: ['iphmx.com'],
  amazon: ['amazonaws.com', 'awsapps.com'],
};

const byDomain = new Map(
  Object.entries(groups).flatMap(([name, domains]) => domains.map((domain) => [domain, name] as const)),
);

/** The group of a mail host, such as `google` for `aspmx.l.google.com`; undefined for all others. */
export function providerOf(host: string): string | undefined {
  const labels = host.toLowerCase().replace(/\.$/, '').split('.');
  for (let first = Math.max(0, labels.length - 4); first < labels.length - 1; first++) {
    const known = byDomain.get(labels.slice(first).join('.'));
    if (known !== undefined) return known;
  }
  return undefined;
}

/** The last two labels of a host, or three where the second is short as in `co.uk`: a name for its operator. */
function operatorOf(host: string): string {
  const labels = host.toLowerCase().replace(/\.$/, '').split('.');
  const count = labels.length > 2 && labels.at(-2)!.length <= 3 ? 3 : 2;
  return labels.slice(-count).join('.');
}

/**
 * Names for labels, of which there are never more than a fixed number: names that were not counted often enough, or
 * that come after all labels are taken, are `other`. A label stays, so that no series changes its meaning.
 */
export class BoundedNames {
  readonly #most: number;
  readonly #least: number;
  readonly #given = new Set<string>();
  readonly #counts = new Map<string, number>();

  /**
   * @param most  Names that are given.
   * @param least  How often something is counted before it gets a name.
   */
  constructor(most: number, least: number) {
    this.#most = most;
    this.#least = least;
  }

  /** The name itself, or `other`. */
  nameOf(name: string): string {
    if (this.#given.has(name)) return name;
    if (this.#given.size >= this.#most) return 'other';
    const count = (this.#counts.get(name) ?? 0) + 1;
    if (count >= this.#least) {
      this.#counts.delete(name);
      this.#given.add(name);
      return name;
    }
    // Rare names make room for new ones.
    if (this.#counts.size >= this.#most * 50) this.#counts.clear();
    this.#counts.set(name, count);
    return 'other';
  }
}

/** Names of the groups that hosts belong to: well-known providers, and the operators that are met most often. */
export class ProviderNames {
  readonly #others: BoundedNames;
  readonly #cache = new Map<string, string | undefined>();

  constructor(most: number) {
    this.#others = new BoundedNames(most, 20);
  }

  nameOf(host: string | undefined): string {
    if (host === undefined) return 'none';
    if (!this.#cache.has(host)) {
      if (this.#cache.size >= 10_000) this.#cache.clear();
      this.#cache.set(host, providerOf(host));
    }
    return this.#cache.get(host) ?? this.#others.nameOf(operatorOf(host));
  }
}
