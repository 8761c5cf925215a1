/** The two canonicalisation algorithms of RFC 6376 §3.4. */
export type Canonicalization = 'simple' | 'relaxed';

/** `header/body` canonicalisation, as in the `c=` tag. */
export type CanonicalizationPair = `${Canonicalization}/${Canonicalization}`;
