import { canonicalAddress } from '../address-guard.ts';
import { normalizeDomain } from '../domain.ts';
import { type Answer, isTemporary } from '../resolver.ts';
import { confirmReverse, reverseName } from '../reverse.ts';
import type { DiagnosisContext } from './context.ts';
import type { Finding } from './finding.ts';

/** Checks whether the sending address has a name that resolves to it. */
export async function checkPtr(
  address: string,
  { resolver, signal, helo }: DiagnosisContext,
): Promise<Finding> {
  const reverse = await confirmReverse(address, resolver, { signal });
  const base = { check: 'ptr', subject: address } as const;
  const evidence = [
    `${reverseName(address)} PTR ${reverse.names.length === 0 ? '(none)' : reverse.names.join(', ')}`,
  ];
  const publish: Pick<Finding, 'publish'> =
    helo === undefined ? {} : { publish: { name: reverseName(address), type: 'PTR', value: `${helo}.` } };
  const fix = `Have the owner of the address, usually the hosting provider, set its reverse name to ${helo ?? 'your HELO name'}, and give that name the address ${address}.`;
  switch (reverse.status) {
    case 'confirmed':
      return {
        ...base,
        severity: 'ok',
        message: `${address} has the name ${reverse.confirmedNames[0]}, which resolves to it.`,
        evidence,
      };
    case 'unconfirmed':
      return {
        ...base,
        severity: 'error',
        message: `${address} has the name ${reverse.names[0]}, but that name does not resolve to it.`,
        evidence,
        fix,
        ...publish,
      };
    case 'none':
      return {
        ...base,
        severity: 'error',
        message: `${address} has no reverse name; large receivers refuse its mail.`,
        evidence,
        fix,
        ...publish,
      };
    case 'temporary':
      return {
        ...base,
        severity: 'warning',
        message: reverse.reason ?? 'The lookup failed.',
        evidence,
        fix: 'Ask again; if it stays, have the DNS servers of the address block repaired.',
      };
  }
}

/** Checks whether the HELO name resolves to the sending addresses. */
// Long because each branch is one finding, with its evidence and fix.
export async function checkHelo(context: DiagnosisContext): Promise<Finding[]> {
  const { helo, addresses, resolver, signal } = context;
  if (helo === undefined) return [];
  const base = { check: 'helo', subject: helo } as const;
  const name = normalizeDomain(helo);
  if (name === undefined || !name.includes('.')) {
    const fix = 'Use the full name of the sending host in HELO, such as mail.example.org.';
    return [
      { ...base, severity: 'error', message: `"${helo}" is not a fully qualified name.`, evidence: [], fix },
    ];
  }
  const answers = [
    await resolver.query(name, 'A', { signal }),
    await resolver.query(name, 'AAAA', { signal }),
  ];
  const failed = answers.find(isTemporary);
  const found = new Set(
    answers.flatMap((answer: Answer<'A' | 'AAAA'>) => answer.records.map(canonicalAddress)),
  );
  const evidence = [`${name} A/AAAA ${found.size === 0 ? '(none)' : [...found].join(', ')}`];
  const missing = addresses.filter((address) => !found.has(canonicalAddress(address)));
  const [first] = missing;
  const publish = addressRecord(name, first ?? addresses[0]);
  if (found.size === 0) {
    if (failed !== undefined)
      return [
        {
          ...base,
          severity: 'warning',
          message: failed.reason,
          evidence,
          fix: 'Ask again; if it stays, repair the DNS servers of the domain.',
        },
      ];
    return [
      {
        ...base,
        severity: 'error',
        message: `${name} has no address.`,
        evidence,
        fix: `Give ${name} the address of the sending host.`,
        ...publish,
      },
    ];
  }
  if (first !== undefined) {
    return [
      {
        ...base,
        severity: 'warning',
        message: `${name} does not resolve to ${missing.join(', ')}.`,
        evidence,
        fix: `Give ${name} the address ${first}, or use another HELO name when sending from there.`,
        ...publish,
      },
    ];
  }
  return [
    {
      ...base,
      severity: 'ok',
      message: `${name} resolves${addresses.length > 0 ? ' to the sending addresses' : ''}.`,
      evidence,
    },
  ];
}

function addressRecord(name: string, address: string | undefined): Pick<Finding, 'publish'> {
  if (address === undefined) return {};
  return { publish: { name, type: address.includes(':') ? 'AAAA' : 'A', value: address } };
}
