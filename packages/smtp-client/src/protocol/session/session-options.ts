import type { TranscriptEntry } from '../../errors.ts';
import {
  callback,
  either,
  flag,
  group,
  list,
  type OptionTable,
  readOptions,
  required,
  text,
  word,
} from '../../option-table.ts';
import type { Pipelining } from '../transaction/flight-window.ts';
import { checkHostname } from '../transaction/mailbox.ts';
import { experienceRow, type HostExperience } from './host-experience.ts';
import { type LimitOptions, limitOptions } from './limits.ts';
import { type TimeoutOptions, timeoutOptions } from './timeouts.ts';

/** Options of a session; only `hostname` has no default. */
export interface SessionOptions {
  /** The name for EHLO, HELO or LHLO: this host's ASCII domain name, or an address literal. */
  readonly hostname: string;
  /** `lmtp` greets with LHLO and reads a reply per recipient after the content (RFC 2033). Default `smtp`. */
  readonly protocol?: 'smtp' | 'lmtp' | undefined;
  /** Whether to use STARTTLS: never, if offered (default), or always, so that the session fails without it. */
  readonly starttls?: 'never' | 'offered' | 'required' | undefined;
  /** The transport is inside TLS from its first octet (RFC 8314 §3). */
  readonly implicitTls?: SessionTls | undefined;
  /**
   * SASL mechanisms that the driver supports, best first, or a function that returns them, called when it is known whether
   * the server's certificate was verified. The session fails when none succeeds.
   */
  readonly authMechanisms?: (readonly string[] | ((verified: boolean) => readonly string[])) | undefined;
  /** Whether the driver can get other credentials after a refusal. Default false. */
  readonly authRenewable?: boolean | undefined;
  /** Dangerous: allows AUTH without TLS and with an unverified certificate. Default false. */
  readonly insecureAuth?: boolean | undefined;
  /** How far commands run ahead of replies if the server offers PIPELINING. Default `across-messages`. */
  readonly pipelining?: Pipelining | undefined;
  /** Whether to use BDAT if the server offers CHUNKING and PIPELINING. Default true. */
  readonly chunking?: boolean | undefined;
  /** What is known about the host; it learns from this session. Default: nothing is known. */
  readonly experience?: HostExperience | undefined;
  readonly timeouts?: TimeoutOptions | undefined;
  readonly limits?: LimitOptions | undefined;
  /** Called with every line of the transcript as it happens, without content and credentials. It must not throw. */
  readonly onTranscript?: ((entry: TranscriptEntry) => void) | undefined;
  /**
   * Whether the memory of a block is reused after `transmitted`. Dangerous unless the transport copies what it is given.
   * Default false.
   */
  readonly reuseBlocks?: boolean | undefined;
}

/** What the session needs to know about TLS. */
export interface SessionTls {
  /** Whether the certificate was verified. */
  readonly verified: boolean;
  /** One line for the transcript, e.g. `TLSv1.3 TLS_AES_256_GCM_SHA384, verified by pkix`. */
  readonly description: string;
  /**
   * Whether the server may still reject the handshake: in TLS 1.3 the client is done before the server has checked its last
   * message, so the first octets from the server decide. Default false.
   */
  readonly provisional?: boolean | undefined;
}

/** What `implicitTls` and `tlsEstablished` accept. */
export const tlsStateOptions = {
  verified: required(flag()),
  description: required(text()),
  provisional: flag(),
} satisfies OptionTable<SessionTls>;

/** What `SmtpSession` accepts. */
export const sessionOptions = {
  hostname: required(text('the ASCII name of this host, or an address literal in brackets')),
  protocol: word(['smtp', 'lmtp'], { default: 'smtp' }),
  starttls: word(['never', 'offered', 'required'], { default: 'offered' }),
  implicitTls: group<SessionTls>(tlsStateOptions),
  authMechanisms: either(list(text(), 1), callback<(verified: boolean) => readonly string[]>()),
  authRenewable: flag({ default: false }),
  insecureAuth: flag({ default: false }),
  pipelining: word(['off', 'within-message', 'across-messages'], { default: 'across-messages' }),
  chunking: flag({ default: true }),
  experience: experienceRow,
  timeouts: group<TimeoutOptions>(timeoutOptions),
  limits: group<LimitOptions>(limitOptions),
  onTranscript: callback<(entry: TranscriptEntry) => void>(),
  reuseBlocks: flag({ default: false }),
} satisfies OptionTable<SessionOptions>;

/** Checks the options and fills in the defaults. @throws {SmtpError} MB_SMTP_OPTION */
export function readSessionOptions(options: SessionOptions) {
  const read = readOptions(options, sessionOptions, 'SmtpSession: options');
  checkHostname(read.hostname);
  return read;
}
