import type { Authentication } from './authentication.ts';
import { error, type LintFinding, ok, warning } from './finding.ts';

/** Large receivers want a signature of the author's domain, a key of at least 2048 bits, and a DMARC policy. */
export function checkSignatures({ dkim, author, dmarc }: Authentication): LintFinding[] {
  const passed = dkim.signatures.filter(({ status }) => status === 'pass');
  if (passed.length === 0) {
    const why = dkim.signatures.map(({ domain, detail }) => `${domain ?? 'no domain'}: ${detail}`).join(' ');
    return [
      error(
        'dkim',
        dkim.signatures.length === 0 ? 'The message is not signed.' : `No signature verifies. ${why}`,
        'Sign with a published key of the domain of From; "mb dkim keygen" makes one.',
      ),
    ];
  }
  const domains = passed.map(({ domain = '' }) => domain);
  const weak = passed.filter(({ keyBits = 2048, algorithm }) => algorithm === 'rsa-sha256' && keyBits < 2048);
  return [
    ok('dkim', `${domains.join(' and ')} signed the message.`),
    ...weak.map(({ selector, domain, keyBits }) =>
      warning('dkim', `The key ${selector} of ${domain} has ${keyBits} bits.`, 'Publish one of 2048 bits.'),
    ),
    checkAlignment(dmarc, author, domains),
  ];
}

function checkAlignment(
  dmarc: Authentication['dmarc'],
  reading: Authentication['author'],
  signers: readonly string[],
): LintFinding {
  if (reading.status === 'none') {
    const message = `No signature can belong to the author. ${reading.detail}`;
    return error('alignment', message, 'Name one author in From.');
  }
  const { domain: author } = reading;
  if (dmarc.result === 'temperror') {
    return warning('alignment', `DMARC cannot be evaluated for now: ${dmarc.reason}`, 'Try again later.');
  }
  if (dmarc.result === 'pass') return ok('alignment', dmarc.reason);
  const related = signers.some((signer) => isRelated(signer.toLowerCase(), author));
  if (!related) {
    const message = `${signers.join(' and ')} signed, but the author is of ${author}.`;
    return error('alignment', message, `Sign with a key of ${author} as well (RFC 9989 §4.4).`);
  }
  if (dmarc.result === 'fail') {
    return error('alignment', dmarc.reason, `Sign with a key of ${author} itself.`);
  }
  return warning(
    'alignment',
    `${author} publishes no DMARC policy, which large receivers require of bulk senders.`,
    `Publish at _dmarc.${author}: v=DMARC1; p=none`,
  );
}

/** Whether the domains are equal or one is above the other; without a policy that is all that is known. */
function isRelated(signer: string, author: string): boolean {
  return signer === author || author.endsWith(`.${signer}`) || signer.endsWith(`.${author}`);
}
