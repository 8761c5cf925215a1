import { chmodSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { ensureDebianPackages } from '../lab/debian.ts';
import { makeFolder } from '../lab/folder.ts';
import { startKnot } from '../lab/knot.ts';
import { mustRun, startProcess } from '../lab/process.ts';
import { splitRecord, type Zone } from './peer.ts';
import type { UglyMessage } from './ugly-message.ts';

/**
 * What rspamd reports about a message: the names of its symbols with their options, and the fields that it would add.
 */
export interface RspamdReport {
  readonly symbols: Readonly<Record<string, readonly string[]>>;
  /** Fields to put in front, each with its CRLF. */
  readonly added: string;
}

/** rspamd as a checker, with its own DNS. */
export interface Rspamd {
  check(message: Uint8Array): Promise<RspamdReport>;
  stop(): Promise<void>;
}

/** Whether rspamd 3.4 reads a message as it was sent.
 *
 *  QUIRK(rspamd): it takes repeated fields in another order than from the bottom up (make messages without them),
 *  does not know white space before a colon, counts a form feed as white space, and does not hash a body of
 *  nothing but white space as an empty one.
 */
export function rspamdReads({ obsolete, hasBody, wire }: UglyMessage): boolean {
  const body = wire.subarray(wire.indexOf('\r\n\r\n') + 4);
  const blank = body.length > 0 && body.every((octet) => ' \t\r\n'.includes(String.fromCharCode(octet)));
  return obsolete === 'none' && hasBody && !blank && !body.includes('\f');
}

/** Starts rspamd with nothing but its DKIM and ARC modules; it seals every message with the key given. */
export async function startRspamd(
  zone: Zone,
  seal: { readonly selector: string; readonly key: string },
): Promise<Rspamd> {
  await ensureDebianPackages(['rspamd', 'knot']);
  const knot = await startKnot({
    address: '127.0.0.54',
    zones: [
      {
        name: 'example.com',
        signed: false,
        records: Object.entries(zone).map(([name, text]) => `${name}. TXT ${splitRecord(text)}`),
      },
    ],
  });
  const folder = makeFolder('rspamd');
  writeFileSync(join(folder, 'seal.key'), seal.key);
  writeFileSync(join(folder, 'tlds'), 'com\norg\n');
  writeFileSync(join(folder, 'rspamd.conf'), configuration(folder, seal.selector));
  for (const name of ['seal.key', 'tlds', 'rspamd.conf']) chmodSync(join(folder, name), 0o644);
  await mustRun('chown', ['-R', '_rspamd', folder]);
  const rspamd = await startProcess('/usr/bin/rspamd', {
    args: ['--no-fork', '--insecure', '--config', join(folder, 'rspamd.conf')],
    ready: { address: '127.0.0.1', port: 11333 },
  });
  return {
    check: (message) => post(message),
    async stop() {
      await rspamd.stop();
      await knot.stop();
    },
  };
}

/** The DKIM module is asked to check local mail too, and ARC seals with the one key whatever the addresses are. */
function configuration(folder: string, selector: string): string {
  return `
options {
  pidfile = "${folder}/rspamd.pid";
  filters = "dkim";
  url_tld = "${folder}/tlds";
  local_addrs = [];
  check_all_filters = true;
  dns { nameserver = ["127.0.0.54:53:1"]; timeout = 2s; retransmits = 2; }
}
logging { type = "console"; level = "info"; }
lua = "/usr/share/rspamd/rules/rspamd.lua";
worker "normal" { bind_socket = "127.0.0.1:11333"; count = 1; }
actions { reject = 1000; add_header = 900; greylist = 800; }
dkim { check_local = true; check_authed = true; max_sigs = 10; dkim_cache_size = 0; }
arc {
  sign_local = true; sign_authenticated = true; sign_inbound = true;
  allow_hdrfrom_mismatch = true; allow_hdrfrom_multiple = true; allow_username_mismatch = true; allow_envfrom_empty = true;
  use_domain = "header"; use_esld = false; try_fallback = true;
  selector = "${selector}"; path = "${folder}/seal.key";
}
modules { path = "/usr/share/rspamd/plugins/arc.lua"; }
`;
}

function post(message: Uint8Array): Promise<RspamdReport> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-length': message.length,
      ip: '192.0.2.1',
      from: 'ada@example.com',
      rcpt: 'bob@example.org',
    };
    const call = request(
      { host: '127.0.0.1', port: 11_333, path: '/checkv2', method: 'POST', headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('end', () => resolve(readReport(Buffer.concat(chunks).toString('latin1'))));
      },
    );
    call.once('error', reject);
    call.end(message);
  });
}

interface RawReport {
  readonly symbols: Record<string, { options?: string[] }>;
  readonly milter?: { add_headers?: Record<string, AddedField | AddedField[]> };
}

interface AddedField {
  readonly value: string;
  readonly order: number;
}

function readReport(json: string): RspamdReport {
  const { symbols, milter } = JSON.parse(json) as RawReport;
  const added = Object.entries(milter?.add_headers ?? {})
    .flatMap(([name, fields]) => [fields].flat().map((field) => ({ name, ...field })))
    .map(({ name, value }) => `${name}: ${value.replace(/\r?\n/g, '\r\n')}\r\n`);
  return {
    symbols: Object.fromEntries(Object.entries(symbols).map(([name, { options = [] }]) => [name, options])),
    added: added.join(''),
  };
}
