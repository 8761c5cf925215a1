import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from '../lab/certificate.ts';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { type LabProcess, startProcess } from '../lab/process.ts';

export interface BindOptions {
  /** Zone → address of the server that is authoritative for it. */
  readonly zones: Readonly<Record<string, string>>;
  /** DS records in presentation format. */
  readonly trustAnchors: readonly string[];
  /** For DNS over HTTPS on port 443. */
  readonly certificate: Certificate;
}

/** Starts BIND as a validating resolver on 127.0.0.1, for UDP and TCP on port 53 and HTTPS on port 443. */
export async function startBind(options: BindOptions): Promise<LabProcess> {
  await ensureDebianPackages(['bind9']);
  const folder = makeFolder('bind');
  mkdirSync(join(folder, 'keys'));
  const configuration = join(folder, 'named.conf');
  writeFileSync(configuration, formatConfiguration(folder, options));
  return startProcess('/usr/sbin/named', {
    args: ['-g', '-c', configuration],
    ready: { output: /running$/m },
  });
}

function formatConfiguration(folder: string, { zones, trustAnchors, certificate }: BindOptions): string {
  const anchors = trustAnchors.map((anchor) => {
    const [name, tag, algorithm, digestType, digest] = anchor.replace(' DS ', ' ').split(/\s+/);
    return `  ${name} static-ds ${tag} ${algorithm} ${digestType} "${digest}";`;
  });
  const stubs = Object.entries(zones).map(
    ([zone, server]) => `zone "${zone}" { type static-stub; server-addresses { ${server}; }; };`,
  );
  return `options {
  directory "${folder}";
  managed-keys-directory "${folder}/keys";
  pid-file none;
  session-keyfile "${folder}/session.key";
  recursion yes;
  empty-zones-enable no;
  dnssec-validation yes;
  listen-on port 53 { 127.0.0.1; };
  listen-on port 443 tls lab http lab { 127.0.0.1; };
  listen-on-v6 { none; };
};
controls { };
tls lab { cert-file "${certificate.certificateFile}"; key-file "${certificate.keyFile}"; };
http lab { endpoints { "/dns-query"; }; };
trust-anchors {
${anchors.join('\n')}
};
${stubs.join('\n')}
`;
}
