import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Certificate } from './certificate.ts';
import { ensureDebianPackages } from './debian.ts';
import { startProcess } from './process.ts';

export interface AiosmtpdOptions {
  readonly hostname: string;
  /** Loopback address to listen on, port 25. */
  readonly address: string;
  /** With a certificate STARTTLS is offered; without one it is not. */
  readonly certificate?: Certificate;
  /** Recipient → the reply line that refuses it; all others are accepted. */
  readonly refuse?: Readonly<Record<string, string>>;
  /** Default false. */
  readonly smtputf8?: boolean;
  /** In octets. Default 33,554,432. */
  readonly sizeLimit?: number;
}

/** A message as aiosmtpd got it. */
export interface AiosmtpdMessage {
  readonly from: string;
  readonly fromParameters: readonly string[];
  readonly to: readonly string[];
  readonly toParameters: readonly string[];
  readonly tls: boolean;
  /** Octet for octet, dot-stuffing undone. */
  readonly content: Buffer;
}

/** A running aiosmtpd: a receiver that changes nothing. */
export interface Aiosmtpd {
  waitForMessages(count: number, timeoutMs?: number): Promise<AiosmtpdMessage[]>;
  output(): string;
  stop(): Promise<void>;
}

/** Starts a mail exchanger in Python that keeps exactly the octets that it received. */
export async function startAiosmtpd(options: AiosmtpdOptions): Promise<Aiosmtpd> {
  await ensureDebianPackages(['python3-aiosmtpd']);
  const {
    address,
    hostname,
    certificate = null,
    refuse = {},
    smtputf8 = false,
    sizeLimit = 33_554_432,
  } = options;
  const settings = { address, hostname, certificate, refuse, smtputf8, sizeLimit };
  const host = await startProcess('/usr/bin/python3', {
    args: ['-W', 'ignore', join(import.meta.dirname, 'aiosmtpd_host.py'), JSON.stringify(settings)],
    ready: { address, port: 25 },
  });
  return {
    async waitForMessages(count, timeoutMs = 10_000) {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const messages = readMessages(host.output());
        if (messages.length >= count) return messages;
        if (performance.now() > deadline) {
          throw new Error(
            `${messages.length} of ${count} messages after ${timeoutMs} ms:\n${host.output().slice(-4_000)}`,
          );
        }
        await sleep(20);
      }
    },
    output: host.output,
    stop: host.stop,
  };
}

function readMessages(output: string): AiosmtpdMessage[] {
  return Array.from(output.matchAll(/^MESSAGE (.*)\n/gm), (match) => {
    const message = JSON.parse(match[1] ?? '');
    return { ...message, content: Buffer.from(message.content, 'base64') };
  });
}
