/** An event on a connection. */
export interface SmtpEvent {
  /** Milliseconds since the connection was accepted. */
  readonly atMs: number;
  readonly kind:
    | 'connected'
    /** Octets were received, after decryption. */
    | 'received'
    /** Octets were sent, before encryption. */
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
    /** A step of the script threw; `text` is the error. */
    | 'script-error'
    | 'closed';
  readonly octets?: Buffer;
  readonly text?: string;
}

/** One RCPT command and its answers. */
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

/** One MAIL command and its transaction. */
export interface SmtpTransactionRecord {
  /** The reverse path without angle brackets; empty for `<>`. */
  readonly from: string;
  readonly parameters: readonly string[];
  /** All RCPT commands in order, including refused ones. */
  readonly recipients: SmtpRecipientRecord[];
  /** The command that transferred content; undefined before it. */
  via: 'data' | 'bdat' | undefined;
  /** The content as received: with stuffed dots and the final `.CRLF`, or the joined BDAT chunks. */
  wire: Buffer;
  /** The message, without stuffed dots and the end of data (RFC 5321 §4.5.2). */
  content: Buffer;
  /** Sizes of the BDAT chunks in order. */
  readonly chunks: number[];
  /** Number of octets received as content, even if they are not kept. */
  contentBytes: number;
  /** The code of the answer to the content (in LMTP of the first one); undefined if there was none. */
  contentCode: number | undefined;
  /** Whether the transaction was inside TLS. */
  readonly tls: boolean;
}

/** One connection. */
export interface SmtpSessionRecord {
  /** Number of the connection on this host, from 1. */
  readonly id: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Start of the connection in milliseconds since 1970, by the host's clock. */
  readonly startedAt: number;
  /** The client name in the last accepted EHLO, HELO or LHLO; empty after STARTTLS. */
  clientName: string;
  /** Command lines and AUTH responses as received, without CRLF, decoded as UTF-8. */
  readonly commands: string[];
  readonly events: SmtpEvent[];
  readonly transactions: SmtpTransactionRecord[];
  /** The negotiated TLS parameters; undefined in clear text. */
  tls:
    | { readonly protocol: string; readonly cipher: string; readonly serverName: string | undefined }
    | undefined;
  /** The authenticated user. */
  user: string | undefined;
  /** Octets received in clear text after STARTTLS; a correct client sends none (RFC 3207 §4.2). */
  clearTextBehindStarttls: Buffer | undefined;
  /** Whether the connection has ended. */
  closed: boolean;
}

/** Returns all octets received in a session, in order, after decryption. */
export function receivedOctets(session: SmtpSessionRecord): Buffer {
  return concatenate(session, 'received');
}

/** Returns all octets that the host sent in a session, in order, before encryption. */
export function sentOctets(session: SmtpSessionRecord): Buffer {
  return concatenate(session, 'sent');
}

function concatenate(session: SmtpSessionRecord, kind: SmtpEvent['kind']): Buffer {
  return Buffer.concat(
    session.events.flatMap((event) => (event.kind === kind && event.octets ? [event.octets] : [])),
  );
}
