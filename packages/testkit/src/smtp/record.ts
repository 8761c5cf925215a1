/** Something that happened on a connection. */
export interface SmtpEvent {
  /** Milliseconds since the connection was accepted. */
  readonly atMs: number;
  readonly kind:
    | 'connected'
    /** Octets came in, after decryption. */
    | 'received'
    /** Octets went out, before encryption. */
    | 'sent'
    | 'tls-started'
    | 'tls-failed'
    /** The client ended its side. */
    | 'client-ended'
    /** The client reset the connection, or it broke. */
    | 'client-reset'
    /** The script closed or reset the connection, stopped reading, or stopped answering. */
    | 'host-closed'
    | 'host-reset'
    | 'host-stopped-reading'
    | 'host-hung'
    /** The step of a script threw; `text` says what. */
    | 'script-error'
    | 'closed';
  readonly octets?: Buffer;
  readonly text?: string;
}

/** One RCPT command and what was answered. */
export interface SmtpRecipientRecord {
  /** Without angle brackets. */
  readonly address: string;
  /** The ESMTP parameters as received, such as `NOTIFY=NEVER`. */
  readonly parameters: readonly string[];
  /** The code of the answer to RCPT. */
  readonly code: number;
  /** LMTP: the code of the answer after the content. */
  contentCode?: number;
}

/** One MAIL command and what followed. */
export interface SmtpTransactionRecord {
  /** The reverse path without angle brackets; empty for `<>`. */
  readonly from: string;
  readonly parameters: readonly string[];
  /** Every RCPT, refused ones too, in order. */
  readonly recipients: SmtpRecipientRecord[];
  /** How the content came; undefined while it has not. */
  via: 'data' | 'bdat' | undefined;
  /** The content as on the wire: with stuffed dots and the final `.CRLF`; in BDAT the chunks one after another. */
  wire: Buffer;
  /** The message: dots un-stuffed, without the end of data. RFC 5321 §4.5.2. */
  content: Buffer;
  /** Sizes of the BDAT chunks in order. */
  readonly chunks: number[];
  /** Octets of content, also when they are not kept. */
  contentBytes: number;
  /** The code of the answer to the content (in LMTP the first); undefined when none was given. */
  contentCode: number | undefined;
  /** Whether it came inside TLS. */
  readonly tls: boolean;
}

/** One connection. */
export interface SmtpSessionRecord {
  /** Counts the host's connections from 1. */
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Wall-clock milliseconds of the connection. */
  readonly startedAt: number;
  /** The address of the client as EHLO, HELO or LHLO gave it last. */
  clientName: string;
  /** Command lines as received, without CRLF, read as UTF-8; responses of AUTH too. */
  readonly commands: string[];
  readonly events: SmtpEvent[];
  readonly transactions: SmtpTransactionRecord[];
  /** What TLS agreed on; undefined in clear text. */
  tls:
    | { readonly protocol: string; readonly cipher: string; readonly serverName: string | undefined }
    | undefined;
  /** The user that authenticated. */
  user: string | undefined;
  /** Octets that came in clear text behind STARTTLS; a good client sends none. RFC 3207 §4.2. */
  clearTextBehindStarttls: Buffer | undefined;
  /** Whether the connection is over. */
  closed: boolean;
}

/** All octets that came in on a session, in order, after decryption. */
export function receivedOctets(session: SmtpSessionRecord): Buffer {
  return concatenate(session, 'received');
}

/** All octets that the host sent on a session, in order, before encryption. */
export function sentOctets(session: SmtpSessionRecord): Buffer {
  return concatenate(session, 'sent');
}

function concatenate(session: SmtpSessionRecord, kind: SmtpEvent['kind']): Buffer {
  return Buffer.concat(
    session.events.flatMap((event) => (event.kind === kind && event.octets ? [event.octets] : [])),
  );
}
