import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureDebianPackages } from './debian.ts';
import { makeFolder } from './folder.ts';
import { mustRun } from './process.ts';

/** PEM files of a server certificate. */
export interface Certificate {
  /** The certificate alone; the lab's authorities have no intermediates. */
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface IssueOptions {
  /** DNS names for subjectAltName; the first is the subject too. */
  readonly names: readonly string[];
  /** Validity from now; negative: already expired. Default 30. */
  readonly days?: number;
  /** Default `ec` (P-256). */
  readonly keyType?: 'ec' | 'rsa';
  /** Without subjectAltName: the first name is the common name, and that is all. Default false. */
  readonly commonNameOnly?: boolean;
}

/** A certificate authority of the lab. */
export interface CertificateAuthority {
  /** PEM, to be trusted by who should trust it. */
  readonly certificateFile: string;
  issue(options: IssueOptions): Promise<Certificate>;
}

/** Makes a certificate authority with OpenSSL. */
export async function makeAuthority(name = 'Lab Authority'): Promise<CertificateAuthority> {
  await ensureDebianPackages(['openssl']);
  const folder = makeFolder('authority');
  const certificateFile = join(folder, 'ca.crt');
  const keyFile = join(folder, 'ca.key');
  await mustRun('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-subj', `/CN=${name}`, '-days', '365', '-keyout', keyFile, '-out', certificateFile],
  ]);
  let issued = 0;
  return {
    certificateFile,
    async issue({ names, days = 30, keyType = 'ec', commonNameOnly = false }) {
      const serial = ++issued;
      const base = join(folder, `leaf-${serial}`);
      const key =
        keyType === 'ec' ? ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] : ['-newkey', 'rsa:2048'];
      await mustRun('openssl', [
        ...[
          'req',
          ...key,
          '-nodes',
          '-subj',
          `/CN=${names[0]}`,
          '-keyout',
          `${base}.key`,
          '-out',
          `${base}.csr`,
        ],
      ]);
      writeFileSync(
        `${base}.ext`,
        `${commonNameOnly ? '' : `subjectAltName=${names.map((each) => `DNS:${each}`).join(',')}\n`}extendedKeyUsage=serverAuth\n`,
      );
      await mustRun('openssl', [
        ...[
          'x509',
          '-req',
          '-in',
          `${base}.csr`,
          '-CA',
          certificateFile,
          '-CAkey',
          keyFile,
          '-CAcreateserial',
        ],
        ...['-days', String(days), '-extfile', `${base}.ext`, '-out', `${base}.crt`],
      ]);
      return { certificateFile: `${base}.crt`, keyFile: `${base}.key` };
    },
  };
}
