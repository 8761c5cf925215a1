import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a certificate says. */
export interface CertificateRequest {
  readonly commonName: string;
  /** Subject alternative names, as openssl writes them: `DNS:a.test`. */
  readonly altNames?: readonly string[];
  readonly ca?: boolean;
  /** `YYYYMMDDHHMMSSZ`, for certificates of other times. */
  readonly notBefore?: string;
  readonly notAfter?: string;
}

/** A certificate with its key; `issue` signs others with it. */
export interface IssuedCertificate {
  readonly pem: string;
  readonly keyPem: string;
  readonly x509: X509Certificate;
  issue(request: CertificateRequest): IssuedCertificate;
}

/** Makes certificates with the openssl command, so that nothing of ours is their judge. */
export function makeRoot(commonName: string): IssuedCertificate {
  return make({ commonName, ca: true }, undefined);
}

function make(
  request: CertificateRequest,
  issuer: { pem: string; keyPem: string } | undefined,
): IssuedCertificate {
  const folder = mkdtempSync(join(tmpdir(), 'certificate-'));
  const path = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' });
  try {
    const {
      commonName,
      altNames = [],
      ca = false,
      notBefore = '20250101000000Z',
      notAfter = '20991231000000Z',
    } = request;
    const extensions = [`basicConstraints=critical,CA:${ca ? 'TRUE' : 'FALSE'}`, 'subjectKeyIdentifier=hash'];
    if (altNames.length > 0) extensions.push(`subjectAltName=${altNames.join(',')}`);
    writeFileSync(
      path('ca.cnf'),
      [
        '[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=p\nunique_subject=no',
        `x509_extensions=e\n[p]\ncommonName=supplied\n[e]\n${extensions.join('\n')}\n`,
      ].join('\n'),
    );
    writeFileSync(path('index.txt'), '');
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'key.pem');
    openssl('req', '-new', '-key', 'key.pem', '-subj', `/CN=${commonName}`, '-out', 'req.pem');
    if (issuer !== undefined) {
      writeFileSync(path('issuer.pem'), issuer.pem);
      writeFileSync(path('issuer.key'), issuer.keyPem);
    }
    const signer =
      issuer === undefined
        ? ['-selfsign', '-keyfile', 'key.pem']
        : ['-cert', 'issuer.pem', '-keyfile', 'issuer.key'];
    const dates = ['-startdate', notBefore, '-enddate', notAfter];
    openssl(
      'ca',
      '-batch',
      '-notext',
      '-config',
      'ca.cnf',
      ...signer,
      ...dates,
      '-in',
      'req.pem',
      '-out',
      'cert.pem',
    );
    const pem = readFileSync(path('cert.pem'), 'utf8');
    const keyPem = readFileSync(path('key.pem'), 'utf8');
    return { pem, keyPem, x509: new X509Certificate(pem), issue: (next) => make(next, { pem, keyPem }) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
