/*
 * The types of the flags that a configuration may set. Generated from the commands by `pnpm --filter @mb/cli reference`.
 */

/** A string; a number or Date is converted to one. */
type Value = string | number | Date;

/** Flags of all commands, and a section for each command. */
export interface FlagValues {
  /** Events from this time on. */
  readonly from?: Value | undefined;
  /** Recipient of a copy. */
  readonly cc?: Value | readonly Value[] | undefined;
  /** Recipient that the other recipients do not see. */
  readonly bcc?: Value | readonly Value[] | undefined;
  /** Address for replies. */
  readonly replyTo?: Value | readonly Value[] | undefined;
  /** Subject, any characters. */
  readonly subject?: Value | undefined;
  /** Plain body; default standard input. */
  readonly text?: Value | undefined;
  /** Plain body from a file, - is standard input. */
  readonly textFile?: Value | undefined;
  /** Write the plain body in $VISUAL or $EDITOR; the default on a terminal without a body. */
  readonly edit?: boolean | undefined;
  /** HTML body. */
  readonly html?: Value | undefined;
  /** HTML body from a file, - is standard input. */
  readonly htmlFile?: Value | undefined;
  /** Attach a file. */
  readonly attach?: Value | readonly Value[] | undefined;
  /** File that the HTML shows by cid:id; default id is its name. */
  readonly inline?: Value | readonly Value[] | undefined;
  /** Alternative body, such as text/calendar:invitation.ics. */
  readonly alternative?: Value | readonly Value[] | undefined;
  /** Further header field. */
  readonly header?: Value | readonly Value[] | undefined;
  /** Message-ID; default a new unique one. */
  readonly messageId?: Value | undefined;
  /** Message that this one replies to. */
  readonly inReplyTo?: Value | undefined;
  /** Messages of the thread. */
  readonly references?: Value | readonly Value[] | undefined;
  /** Date of the message; default now. */
  readonly date?: Value | undefined;
  /** Mark the message with this priority. */
  readonly priority?: 'high' | 'normal' | 'low' | undefined;
  /** Mark the message as automatic, so that autoresponders stay silent. */
  readonly autoSubmitted?: 'auto-generated' | 'auto-replied' | 'auto-notified' | undefined;
  /** Https or mailto URI to leave the list. */
  readonly unsubscribe?: Value | readonly Value[] | undefined;
  /** The https URI of --unsubscribe accepts one-click requests (RFC 8058). */
  readonly oneClick?: boolean | undefined;
  /** CSV with a row for each message; {{column}} inserts a value. */
  readonly toFile?: Value | undefined;
  /** The column with the address; default email or to. */
  readonly toColumn?: Value | undefined;
  /** Send nothing, or skip such rows; default stop. */
  readonly onBadRow?: 'stop' | 'skip' | undefined;
  /** File with the result of each row; default NAME.results.jsonl beside the CSV. */
  readonly results?: Value | undefined;
  /** Send again to recipients who may have received the message. */
  readonly resendUnknown?: boolean | undefined;
  /** Continue although the file or the message has changed. */
  readonly acceptChanges?: boolean | undefined;
  /** Maximum number of connections; default 50. */
  readonly concurrency?: Value | undefined;
  /** Messages that --dry-run shows; default 3. */
  readonly preview?: Value | undefined;
  /** Send this message unchanged except for Bcc; - is standard input. */
  readonly eml?: Value | undefined;
  /** Return path, "" is the null path; default Sender or From. */
  readonly envelopeFrom?: Value | undefined;
  /** Recipients instead of those in the header; default To, Cc, Bcc. */
  readonly envelopeTo?: Value | readonly Value[] | undefined;
  /** Private key, PEM; MB_DKIM_KEY may hold the PEM itself. */
  readonly dkimKey?: Value | undefined;
  /** Selector of the key in DNS. */
  readonly dkimSelector?: Value | undefined;
  /** Signing domain; default that of From. */
  readonly dkimDomain?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Port of the server. */
  readonly port?: Value | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Send all mail through this host; smtps://host for implicit TLS. */
  readonly relay?: Value | undefined;
  /** Deliver all mail to this host and nowhere else, such as "mb inbox". */
  readonly dev?: Value | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** Use only IPv4 or only IPv6. */
  readonly family?: '4' | '6' | undefined;
  /** Minimum TLS that each host must offer; default opportunistic. */
  readonly tls?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** JSON list of reply rules to try first. */
  readonly replyRules?: Value | undefined;
  /** Explain for a message that requires verified TLS on every hop (RFC 8689). */
  readonly requireTls?: boolean | undefined;
  /** Flags of `mb queue` alone. */
  readonly queue?: QueueFlagValues | boolean | undefined;
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** Queue the message only once, even if the command is repeated. */
  readonly idempotencyKey?: Value | undefined;
  /** Make no attempt before this date. */
  readonly notBefore?: Value | undefined;
  /** Print what would be done, without connecting to a mail host. */
  readonly dryRun?: boolean | undefined;
  /** Show the sessions as they happen. */
  readonly watch?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
  /** Print errors only. */
  readonly quiet?: boolean | undefined;
  /** The same as --resolver. */
  readonly server?: Value | Value | readonly Value[] | undefined;
  /** Recipients in this state. */
  readonly state?:
    | 'queued'
    | 'held'
    | 'unknown'
    | 'delivered'
    | 'failed'
    | 'expired'
    | 'cancelled'
    | undefined;
  /** Recipients of this destination, as "mb queue stats" names it. */
  readonly site?: Value | undefined;
  /** Recipients of messages without a tenant. */
  readonly tenant?: boolean | undefined;
  /** Maximum number of rows. */
  readonly limit?: Value | undefined;
  /** Print the message itself, as it is stored. */
  readonly content?: boolean | undefined;
  /** All dead letters. */
  readonly all?: boolean | undefined;
  /** Do not ask; needed where there is no terminal. */
  readonly yes?: boolean | undefined;
  /** Reason, shown by "mb queue stats". */
  readonly note?: Value | undefined;
  /** How to write. */
  readonly format?: 'jsonl' | 'csv' | undefined;
  /** Why. */
  readonly reason?: 'bad-mailbox' | 'complaint' | 'operator' | undefined;
  /** The lists of all tenants. */
  readonly allTenants?: boolean | undefined;
  /** How long to keep the content of a message after its last outcome, such as 7d, to read or resend it; default 0. */
  readonly keepContent?: Value | undefined;
  /** Time to finish attempts and requests in progress when stopping. */
  readonly grace?: Value | undefined;
  /** Networks to allow for webhooks although their addresses are not public. */
  readonly webhookAllow?: Value | readonly Value[] | undefined;
  /** Level of a JSON log: debug adds connections, trace adds sessions. */
  readonly logLevel?: 'trace' | 'debug' | 'info' | 'error' | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** Mail alerts to these addresses. */
  readonly alertTo?: Value | readonly Value[] | undefined;
  /** From address of that mail, at a domain with a DKIM key. */
  readonly alertFrom?: Value | undefined;
  /** Post alerts to this URL, signed like a webhook. */
  readonly alertWebhook?: Value | undefined;
  /** Secret of that webhook, whsec_…; MB_ALERT_WEBHOOK_SECRET may hold the secret itself. */
  readonly alertWebhookSecret?: Value | undefined;
  /** Time before stopping in which /readyz returns 503 and requests are still served. */
  readonly drain?: Value | undefined;
  /** What this process does, such as http,worker. */
  readonly role?: Value | undefined;
  /** Address of the HTTP API. */
  readonly http?: Value | undefined;
  /** Accept mail by SMTP with STARTTLS, such as 0.0.0.0:587. */
  readonly submission?: Value | undefined;
  /** Accept mail by SMTP with implicit TLS, such as 0.0.0.0:465. */
  readonly submissions?: Value | undefined;
  /** Accept mail by SMTP on a Unix socket, without an API key. */
  readonly submissionSocket?: Value | undefined;
  /** Accept bounces and complaints by SMTP, such as 0.0.0.0:25. */
  readonly inbound?: Value | undefined;
  /** Domains of the return paths. */
  readonly inboundDomain?: Value | readonly Value[] | undefined;
  /** Private key of the server, PEM. */
  readonly tlsKey?: Value | undefined;
  /** Certificate chain of the server, PEM. */
  readonly tlsCert?: Value | undefined;
  /** Serve a page with the messages, and an HTTP API for tests. */
  readonly ui?: boolean | undefined;
  /** Make the dashboard read-only. */
  readonly uiReadOnly?: boolean | undefined;
  /** Maximum size of a message. */
  readonly maxMessageMb?: Value | undefined;
  /** The program that will use it. */
  readonly name?: Value | undefined;
  /** What it may do: send, read, content, operate, admin. */
  readonly scope?: Value | readonly Value[] | undefined;
  /** Domains it may send as, in From and return path; default any. */
  readonly senderDomain?: Value | readonly Value[] | undefined;
  /** When it expires; default never. */
  readonly expires?: Value | undefined;
  /** Requests a minute; default 6000. */
  readonly rate?: Value | undefined;
  /** Subdomain for return paths, such as bounces.example.com. */
  readonly returnPath?: Value | undefined;
  /** An existing key of the domain, instead of new ones; repeat the flag for more. */
  readonly importKey?: Value | undefined;
  /** Print the records as lines of a zone file, and nothing else. */
  readonly zone?: boolean | undefined;
  /** Print the file that belongs to the _mta-sts record, and nothing else. */
  readonly mtaSts?: boolean | undefined;
  /** Reset to the default: tenant, ehlo, return-path, minimum-tls. */
  readonly unset?: Value | undefined;
  /** Remove a key that is retiring: mail in transit may then fail to verify. */
  readonly force?: boolean | undefined;
  /** Do not make a key: encrypt with the first one that is given. */
  readonly new?: boolean | undefined;
  /** Only these types, such as delivered,failed,bounced. */
  readonly type?: Value | readonly Value[] | undefined;
  /** Note that "mb webhook show" prints. */
  readonly description?: Value | undefined;
  /** Show undelivered events instead of calls. */
  readonly deadLetters?: boolean | undefined;
  /** These dead letters, as "mb webhook show --dead-letters" lists them. */
  readonly id?: Value | readonly Value[] | undefined;
  /** How long calls are also signed with the old secret; default 24. */
  readonly overlap?: Value | undefined;
  /** Length of an RSA key (default: 2048). */
  readonly bits?: Value | undefined;
  /** Default: relaxed/relaxed. */
  readonly canonicalization?:
    | 'relaxed/relaxed'
    | 'relaxed/simple'
    | 'simple/relaxed'
    | 'simple/simple'
    | undefined;
  /** Fields to sign where they occur, separated by commas. */
  readonly headers?: Value | undefined;
  /** Allow fields to be added. */
  readonly oversign?: Value | boolean | undefined;
  /** Identity in the domain or below it (i=). */
  readonly identity?: Value | undefined;
  /** Time until the signature expires (x=). */
  readonly expiresAfter?: Value | undefined;
  /** Verify the signature against DNS first, and print nothing if it fails. */
  readonly check?: boolean | undefined;
  /** Print the new header fields only. */
  readonly fields?: boolean | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Also print an Authentication-Results field with this authserv-id. */
  readonly authserv?: Value | undefined;
  /** Explain for mail of this configured domain; default the first one. */
  readonly fromDomain?: Value | undefined;
  /** The command or phase that it answered. */
  readonly stage?:
    | 'connect'
    | 'greeting'
    | 'ehlo'
    | 'starttls'
    | 'auth'
    | 'mail'
    | 'rcpt'
    | 'data'
    | 'content'
    | 'final'
    | undefined;
  /** A relay gave it, about a recipient of another domain. */
  readonly viaRelay?: boolean | undefined;
  /** Flags of `mb dns` alone. */
  readonly dns?: DnsFlagValues | boolean | boolean | boolean | undefined;
  /** The message is not bulk mail and needs no unsubscribe link. */
  readonly transactional?: boolean | undefined;
  /** Folder to save messages to as .eml files. */
  readonly folder?: Value | undefined;
  /** Do not save messages. */
  readonly save?: boolean | undefined;
  /** Largest message. */
  readonly maxSize?: Value | undefined;
  /** Port of the page, 0 for a free one. */
  readonly uiPort?: Value | undefined;
  /** Flags of `mb dkim` alone. */
  readonly dkim?: DkimFlagValues | Value | readonly Value[] | undefined;
  /** Domains whose mail exchangers are probed on port 25. */
  readonly probeDomain?: Value | readonly Value[] | undefined;
  /** Flags of `mb probe` alone. */
  readonly probe?: ProbeFlagValues | boolean | undefined;
  /** Connect to these addresses instead of those in DNS. */
  readonly address?: Value | readonly Value[] | undefined;
  /** Time for each step. */
  readonly patience?: Value | undefined;
  /** Also print the session. */
  readonly verbose?: boolean | undefined;
  /** Flags of `mb send` alone. */
  readonly send?: SendFlagValues | undefined;
  /** Flags of `mb suppress` alone. */
  readonly suppress?: SuppressFlagValues | undefined;
  /** Flags of `mb work` alone. */
  readonly work?: WorkFlagValues | undefined;
  /** Flags of `mb serve` alone. */
  readonly serve?: ServeFlagValues | undefined;
  /** Flags of `mb key` alone. */
  readonly key?: KeyFlagValues | undefined;
  /** Flags of `mb domain` alone. */
  readonly domain?: DomainFlagValues | undefined;
  /** Flags of `mb webhook` alone. */
  readonly webhook?: WebhookFlagValues | undefined;
  /** Flags of `mb alert` alone. */
  readonly alert?: AlertFlagValues | undefined;
  /** Flags of `mb config` alone. */
  readonly config?: ConfigFlagValues | undefined;
  /** Flags of `mb explain` alone. */
  readonly explain?: ExplainFlagValues | undefined;
  /** Flags of `mb explain-reply` alone. */
  readonly 'explain-reply'?: ExplainReplyFlagValues | undefined;
  /** Flags of `mb message` alone. */
  readonly message?: MessageFlagValues | undefined;
  /** Flags of `mb inbox` alone. */
  readonly inbox?: InboxFlagValues | undefined;
  /** Flags of `mb doctor` alone. */
  readonly doctor?: DoctorFlagValues | undefined;
}

/** Flags of `mb probe`. */
interface ProbeFlagValues {
  /** Port of the server. */
  readonly port?: Value | undefined;
  /** Domain whose mail it takes, for MTA-STS and DANE (default: the host). */
  readonly domain?: Value | undefined;
  /** Connect to these addresses instead of those in DNS. */
  readonly address?: Value | readonly Value[] | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** EHLO name (default: the name of this machine). */
  readonly helo?: Value | undefined;
  /** Trust the authorities in this PEM file. */
  readonly ca?: Value | undefined;
  /** Time for each step. */
  readonly patience?: Value | undefined;
  /** Also print the session. */
  readonly verbose?: boolean | undefined;
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb doctor`. */
interface DoctorFlagValues {
  /** Addresses that mail leaves from. */
  readonly ip?: Value | readonly Value[] | undefined;
  /** EHLO name of the sending hosts. */
  readonly helo?: Value | undefined;
  /** Domain of MAIL FROM, if different. */
  readonly mailFrom?: Value | undefined;
  /** DKIM selectors, each with the private key that signs (the key is optional). */
  readonly dkim?: Value | readonly Value[] | undefined;
  /** Domains whose mail exchangers are probed on port 25. */
  readonly probeDomain?: Value | readonly Value[] | undefined;
  /** Do not probe port 25. */
  readonly probe?: boolean | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb inbox`. */
interface InboxFlagValues {
  /** Address to listen on. */
  readonly host?: Value | undefined;
  /** Port to listen on, 0 for a free one. */
  readonly port?: Value | undefined;
  /** Folder to save messages to as .eml files. */
  readonly folder?: Value | undefined;
  /** Do not save messages. */
  readonly save?: boolean | undefined;
  /** Largest message. */
  readonly maxSize?: Value | undefined;
  /** Check SPF as if messages came from this address. */
  readonly ip?: Value | undefined;
  /** Serve a page with the messages, and an HTTP API for tests. */
  readonly ui?: boolean | undefined;
  /** Port of the page, 0 for a free one. */
  readonly uiPort?: Value | undefined;
  /** No DNS lookups: skip DKIM, SPF and DMARC. */
  readonly dns?: boolean | undefined;
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb message`. */
interface MessageFlagValues {
  /** Flags of `mb message show` alone. */
  readonly show?: ShowMessageFlagValues | undefined;
  /** Flags of `mb message lint` alone. */
  readonly lint?: LintMessageFlagValues | undefined;
}

/** Flags of `mb message lint`. */
interface LintMessageFlagValues {
  /** The message is not bulk mail and needs no unsubscribe link. */
  readonly transactional?: boolean | undefined;
  /** No DNS lookups: skip DKIM and DMARC. */
  readonly dns?: boolean | undefined;
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb message show`. */
interface ShowMessageFlagValues {
  /** Address of the sending host, for SPF. */
  readonly ip?: Value | undefined;
  /** Its reverse-path, for SPF (default: Return-Path). */
  readonly mailFrom?: Value | undefined;
  /** EHLO name of the sending host, for SPF. */
  readonly helo?: Value | undefined;
  /** No DNS lookups: skip DKIM, SPF and DMARC. */
  readonly dns?: boolean | undefined;
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb explain-reply`. */
interface ExplainReplyFlagValues {
  /** The mail exchanger that gave it; some rules apply to one provider only. */
  readonly host?: Value | undefined;
  /** The command or phase that it answered. */
  readonly stage?:
    | 'connect'
    | 'greeting'
    | 'ehlo'
    | 'starttls'
    | 'auth'
    | 'mail'
    | 'rcpt'
    | 'data'
    | 'content'
    | 'final'
    | undefined;
  /** A relay gave it, about a recipient of another domain. */
  readonly viaRelay?: boolean | undefined;
  /** JSON list of reply rules to try first. */
  readonly replyRules?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb explain`. */
interface ExplainFlagValues {
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Port of mail exchangers; default 25. */
  readonly port?: Value | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Send all mail through this host; smtps://host for implicit TLS. */
  readonly relay?: Value | undefined;
  /** Deliver all mail to this host and nowhere else, such as "mb inbox". */
  readonly dev?: Value | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** Use only IPv4 or only IPv6. */
  readonly family?: '4' | '6' | undefined;
  /** Minimum TLS that each host must offer; default opportunistic. */
  readonly tls?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: Value | undefined;
  /** JSON list of reply rules to try first. */
  readonly replyRules?: Value | undefined;
  /** Explain for mail of this configured domain; default the first one. */
  readonly fromDomain?: Value | undefined;
  /** Explain for mail of this tenant. */
  readonly tenant?: Value | undefined;
  /** Explain for a message that requires verified TLS on every hop (RFC 8689). */
  readonly requireTls?: boolean | undefined;
  /** Time for all lookups. */
  readonly timeout?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb dns`. */
interface DnsFlagValues {
  /** Flags of `mb dns mx` alone. */
  readonly mx?: MxDnsFlagValues | undefined;
  /** Flags of `mb dns dmarc` alone. */
  readonly dmarc?: DmarcDnsFlagValues | undefined;
  /** Flags of `mb dns mta-sts` alone. */
  readonly 'mta-sts'?: MtaStsDnsFlagValues | undefined;
  /** Flags of `mb dns tls-rpt` alone. */
  readonly 'tls-rpt'?: TlsRptDnsFlagValues | undefined;
  /** Flags of `mb dns ptr` alone. */
  readonly ptr?: PtrDnsFlagValues | undefined;
  /** Flags of `mb dns tlsa` alone. */
  readonly tlsa?: TlsaDnsFlagValues | undefined;
  /** Flags of `mb dns spf` alone. */
  readonly spf?: SpfDnsFlagValues | undefined;
}

/** Flags of `mb dns spf`. */
interface SpfDnsFlagValues {
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
  /** Also check this sending address. */
  readonly ip?: Value | undefined;
  /** Reverse-path for the check. */
  readonly sender?: Value | undefined;
  /** HELO name for the check. */
  readonly helo?: Value | undefined;
}

/** Flags of `mb dns tlsa`. */
interface TlsaDnsFlagValues {
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
  /** Port of the service. */
  readonly port?: Value | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
}

/** Flags of `mb dns ptr`. */
interface PtrDnsFlagValues {
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb dns tls-rpt`. */
interface TlsRptDnsFlagValues {
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb dns mta-sts`. */
interface MtaStsDnsFlagValues {
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
}

/** Flags of `mb dns dmarc`. */
interface DmarcDnsFlagValues {
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb dns mx`. */
interface MxDnsFlagValues {
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
}

/** Flags of `mb dkim`. */
interface DkimFlagValues {
  /** Flags of `mb dkim keygen` alone. */
  readonly keygen?: KeygenDkimFlagValues | undefined;
  /** Flags of `mb dkim sign` alone. */
  readonly sign?: SignDkimFlagValues | undefined;
  /** Flags of `mb dkim verify` alone. */
  readonly verify?: VerifyDkimFlagValues | undefined;
  /** Flags of `mb dkim check` alone. */
  readonly check?: CheckDkimFlagValues | undefined;
}

/** Flags of `mb dkim check`. */
interface CheckDkimFlagValues {
  /** The private key that signs. */
  readonly key?: Value | undefined;
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb dkim verify`. */
interface VerifyDkimFlagValues {
  /** Also print an Authentication-Results field with this authserv-id. */
  readonly authserv?: Value | undefined;
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb dkim sign`. */
interface SignDkimFlagValues {
  /** Signing domain. */
  readonly domain?: Value | undefined;
  /** Selector and private key; repeat it for another signature. */
  readonly key?: Value | undefined;
  /** Default: relaxed/relaxed. */
  readonly canonicalization?:
    | 'relaxed/relaxed'
    | 'relaxed/simple'
    | 'simple/relaxed'
    | 'simple/simple'
    | undefined;
  /** Fields to sign where they occur, separated by commas. */
  readonly headers?: Value | undefined;
  /** Allow fields to be added. */
  readonly oversign?: Value | boolean | undefined;
  /** Identity in the domain or below it (i=). */
  readonly identity?: Value | undefined;
  /** Time until the signature expires (x=). */
  readonly expiresAfter?: Value | undefined;
  /** Verify the signature against DNS first, and print nothing if it fails. */
  readonly check?: boolean | undefined;
  /** Print the new header fields only. */
  readonly fields?: boolean | undefined;
  /** DNS servers: 192.0.2.53, [2001:db8::53]:53, https://… (default: resolv.conf). */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** The same as --resolver. */
  readonly server?: Value | readonly Value[] | undefined;
  /** Time for one lookup. */
  readonly timeout?: Value | undefined;
  /** Trust the AD bit of DNS servers that are not on loopback. */
  readonly trustAd?: boolean | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb dkim keygen`. */
interface KeygenDkimFlagValues {
  /** Kind of key. */
  readonly algorithm?: 'rsa' | 'ed25519' | undefined;
  /** Length of an RSA key (default: 2048). */
  readonly bits?: Value | undefined;
  /** File for the private key, - for standard output (default: SELECTOR.DOMAIN.pem). */
  readonly out?: Value | undefined;
  /** Print JSON. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb config`. */
interface ConfigFlagValues {
  /** Flags of `mb config check` alone. */
  readonly check?: CheckConfigFlagValues | undefined;
}

/** Flags of `mb config check`. */
interface CheckConfigFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Port of mail exchangers; default 25. */
  readonly port?: Value | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Send all mail through this host; smtps://host for implicit TLS. */
  readonly relay?: Value | undefined;
  /** Deliver all mail to this host and nowhere else, such as "mb inbox". */
  readonly dev?: Value | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** Use only IPv4 or only IPv6. */
  readonly family?: '4' | '6' | undefined;
  /** Minimum TLS that each host must offer; default opportunistic. */
  readonly tls?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: Value | undefined;
  /** JSON list of reply rules to try first. */
  readonly replyRules?: Value | undefined;
  /** Private key, PEM; MB_DKIM_KEY may hold the PEM itself. */
  readonly dkimKey?: Value | undefined;
  /** Selector of the key in DNS. */
  readonly dkimSelector?: Value | undefined;
  /** Signing domain; default that of From. */
  readonly dkimDomain?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb alert`. */
interface AlertFlagValues {
  /** Flags of `mb alert ls` alone. */
  readonly ls?: LsAlertFlagValues | undefined;
  /** Flags of `mb alert test` alone. */
  readonly test?: TestAlertFlagValues | undefined;
}

/** Flags of `mb alert test`. */
interface TestAlertFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Mail alerts to these addresses. */
  readonly alertTo?: Value | readonly Value[] | undefined;
  /** From address of that mail, at a domain with a DKIM key. */
  readonly alertFrom?: Value | undefined;
  /** Post alerts to this URL, signed like a webhook. */
  readonly alertWebhook?: Value | undefined;
  /** Secret of that webhook, whsec_…; MB_ALERT_WEBHOOK_SECRET may hold the secret itself. */
  readonly alertWebhookSecret?: Value | undefined;
  /** Networks to allow for webhooks although their addresses are not public. */
  readonly webhookAllow?: Value | readonly Value[] | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Port of mail exchangers; default 25. */
  readonly port?: Value | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Send all mail through this host; smtps://host for implicit TLS. */
  readonly relay?: Value | undefined;
  /** Deliver all mail to this host and nowhere else, such as "mb inbox". */
  readonly dev?: Value | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** Use only IPv4 or only IPv6. */
  readonly family?: '4' | '6' | undefined;
  /** Minimum TLS that each host must offer; default opportunistic. */
  readonly tls?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: Value | undefined;
  /** JSON list of reply rules to try first. */
  readonly replyRules?: Value | undefined;
  /** Private key, PEM; MB_DKIM_KEY may hold the PEM itself. */
  readonly dkimKey?: Value | undefined;
  /** Selector of the key in DNS. */
  readonly dkimSelector?: Value | undefined;
  /** Signing domain; default that of From. */
  readonly dkimDomain?: Value | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
}

/** Flags of `mb alert ls`. */
interface LsAlertFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb webhook`. */
interface WebhookFlagValues {
  /** Flags of `mb webhook add` alone. */
  readonly add?: AddWebhookFlagValues | undefined;
  /** Flags of `mb webhook ls` alone. */
  readonly ls?: LsWebhookFlagValues | undefined;
  /** Flags of `mb webhook show` alone. */
  readonly show?: ShowWebhookFlagValues | undefined;
  /** Flags of `mb webhook test` alone. */
  readonly test?: TestWebhookFlagValues | undefined;
  /** Flags of `mb webhook replay` alone. */
  readonly replay?: ReplayWebhookFlagValues | undefined;
  /** Flags of `mb webhook enable` alone. */
  readonly enable?: EnableWebhookFlagValues | undefined;
  /** Flags of `mb webhook disable` alone. */
  readonly disable?: DisableWebhookFlagValues | undefined;
  /** Flags of `mb webhook rotate-secret` alone. */
  readonly 'rotate-secret'?: RotateSecretWebhookFlagValues | undefined;
  /** Flags of `mb webhook rm` alone. */
  readonly rm?: RmWebhookFlagValues | undefined;
}

/** Flags of `mb webhook rm`. */
interface RmWebhookFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Do not ask; needed where there is no terminal. */
  readonly yes?: boolean | undefined;
}

/** Flags of `mb webhook rotate-secret`. */
interface RotateSecretWebhookFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** How long calls are also signed with the old secret; default 24. */
  readonly overlap?: Value | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
}

/** Flags of `mb webhook disable`. */
interface DisableWebhookFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb webhook enable`. */
interface EnableWebhookFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb webhook replay`. */
interface ReplayWebhookFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** These dead letters, as "mb webhook show --dead-letters" lists them. */
  readonly id?: Value | readonly Value[] | undefined;
  /** Events from this time on. */
  readonly from?: Value | undefined;
  /** Events up to this time. */
  readonly to?: Value | undefined;
  /** All dead letters. */
  readonly all?: boolean | undefined;
}

/** Flags of `mb webhook test`. */
interface TestWebhookFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Networks to allow for webhooks although their addresses are not public. */
  readonly webhookAllow?: Value | readonly Value[] | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
}

/** Flags of `mb webhook show`. */
interface ShowWebhookFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Show undelivered events instead of calls. */
  readonly deadLetters?: boolean | undefined;
}

/** Flags of `mb webhook ls`. */
interface LsWebhookFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb webhook add`. */
interface AddWebhookFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Only these types, such as delivered,failed,bounced. */
  readonly type?: Value | readonly Value[] | undefined;
  /** Only mail of this tenant. */
  readonly tenant?: Value | undefined;
  /** Only mail with one of these tags. */
  readonly tag?: Value | readonly Value[] | undefined;
  /** Only recipients at these domains. */
  readonly domain?: Value | readonly Value[] | undefined;
  /** Note that "mb webhook show" prints. */
  readonly description?: Value | undefined;
  /** Networks to allow for webhooks although their addresses are not public. */
  readonly webhookAllow?: Value | readonly Value[] | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
}

/** Flags of `mb domain`. */
interface DomainFlagValues {
  /** Flags of `mb domain add` alone. */
  readonly add?: AddDomainFlagValues | undefined;
  /** Flags of `mb domain ls` alone. */
  readonly ls?: LsDomainFlagValues | undefined;
  /** Flags of `mb domain show` alone. */
  readonly show?: ShowDomainFlagValues | undefined;
  /** Flags of `mb domain set` alone. */
  readonly set?: SetDomainFlagValues | undefined;
  /** Flags of `mb domain check` alone. */
  readonly check?: CheckDomainFlagValues | undefined;
  /** Flags of `mb domain rotate` alone. */
  readonly rotate?: RotateDomainFlagValues | undefined;
  /** Flags of `mb domain rm` alone. */
  readonly rm?: RmDomainFlagValues | undefined;
  /** Flags of `mb domain master-key` alone. */
  readonly 'master-key'?: MasterKeyDomainFlagValues | undefined;
}

/** Flags of `mb domain master-key`. */
interface MasterKeyDomainFlagValues {
  /** Flags of `mb domain master-key new` alone. */
  readonly new?: NewMasterKeyDomainFlagValues | undefined;
  /** Flags of `mb domain master-key rotate` alone. */
  readonly rotate?: RotateMasterKeyDomainFlagValues | undefined;
}

/** Flags of `mb domain master-key rotate`. */
interface RotateMasterKeyDomainFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** Do not make a key: encrypt with the first one that is given. */
  readonly new?: boolean | undefined;
}

/** Flags of `mb domain master-key new`. */
interface NewMasterKeyDomainFlagValues {
  /** File that only this user may read, - for standard output. */
  readonly out?: Value | undefined;
}

/** Flags of `mb domain rm`. */
interface RmDomainFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** Remove a key that is retiring: mail in transit may then fail to verify. */
  readonly force?: boolean | undefined;
  /** Do not ask; needed where there is no terminal. */
  readonly yes?: boolean | undefined;
}

/** Flags of `mb domain rotate`. */
interface RotateDomainFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
}

/** Flags of `mb domain check`. */
interface CheckDomainFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
}

/** Flags of `mb domain set`. */
interface SetDomainFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** The tenant that may use it. */
  readonly tenant?: Value | undefined;
  /** EHLO name for its mail. */
  readonly ehlo?: Value | undefined;
  /** Subdomain for return paths, such as bounces.example.com. */
  readonly returnPath?: Value | undefined;
  /** Least TLS for its mail. */
  readonly minimumTls?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** Reset to the default: tenant, ehlo, return-path, minimum-tls. */
  readonly unset?: Value | undefined;
}

/** Flags of `mb domain show`. */
interface ShowDomainFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** Print the records as lines of a zone file, and nothing else. */
  readonly zone?: boolean | undefined;
  /** Print the file that belongs to the _mta-sts record, and nothing else. */
  readonly mtaSts?: boolean | undefined;
}

/** Flags of `mb domain ls`. */
interface LsDomainFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
}

/** Flags of `mb domain add`. */
interface AddDomainFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** The tenant that may use it; default all tenants. */
  readonly tenant?: Value | undefined;
  /** EHLO name for its mail; default that of the service. */
  readonly ehlo?: Value | undefined;
  /** Subdomain for return paths, such as bounces.example.com. */
  readonly returnPath?: Value | undefined;
  /** Least TLS for its mail; default that of the service. */
  readonly minimumTls?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** Keys to make; default rsa,ed25519. */
  readonly algorithm?: Value | undefined;
  /** An existing key of the domain, instead of new ones; repeat the flag for more. */
  readonly importKey?: Value | undefined;
}

/** Flags of `mb key`. */
interface KeyFlagValues {
  /** Flags of `mb key new` alone. */
  readonly new?: NewKeyFlagValues | undefined;
  /** Flags of `mb key ls` alone. */
  readonly ls?: LsKeyFlagValues | undefined;
  /** Flags of `mb key revoke` alone. */
  readonly revoke?: RevokeKeyFlagValues | undefined;
}

/** Flags of `mb key revoke`. */
interface RevokeKeyFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Do not ask; needed where there is no terminal. */
  readonly yes?: boolean | undefined;
}

/** Flags of `mb key ls`. */
interface LsKeyFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb key new`. */
interface NewKeyFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** The program that will use it. */
  readonly name?: Value | undefined;
  /** What it may do: send, read, content, operate, admin. */
  readonly scope?: Value | readonly Value[] | undefined;
  /** Tenant whose mail it may read and send; default all. */
  readonly tenant?: Value | undefined;
  /** Domains it may send as, in From and return path; default any. */
  readonly senderDomain?: Value | readonly Value[] | undefined;
  /** When it expires; default never. */
  readonly expires?: Value | undefined;
  /** Requests a minute; default 6000. */
  readonly rate?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb serve`. */
interface ServeFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** How long to keep the content of a message after its last outcome, such as 7d, to read or resend it; default 0. */
  readonly keepContent?: Value | undefined;
  /** Maximum number of connections; default 50. */
  readonly concurrency?: Value | undefined;
  /** Time to finish attempts and requests in progress when stopping. */
  readonly grace?: Value | undefined;
  /** Networks to allow for webhooks although their addresses are not public. */
  readonly webhookAllow?: Value | readonly Value[] | undefined;
  /** Time before stopping in which /readyz returns 503 and requests are still served. */
  readonly drain?: Value | undefined;
  /** What this process does, such as http,worker. */
  readonly role?: Value | undefined;
  /** Address of the HTTP API. */
  readonly http?: Value | undefined;
  /** Accept mail by SMTP with STARTTLS, such as 0.0.0.0:587. */
  readonly submission?: Value | undefined;
  /** Accept mail by SMTP with implicit TLS, such as 0.0.0.0:465. */
  readonly submissions?: Value | undefined;
  /** Accept mail by SMTP on a Unix socket, without an API key. */
  readonly submissionSocket?: Value | undefined;
  /** Accept bounces and complaints by SMTP, such as 0.0.0.0:25. */
  readonly inbound?: Value | undefined;
  /** Domains of the return paths. */
  readonly inboundDomain?: Value | readonly Value[] | undefined;
  /** Private key of the server, PEM. */
  readonly tlsKey?: Value | undefined;
  /** Certificate chain of the server, PEM. */
  readonly tlsCert?: Value | undefined;
  /** Do not serve the dashboard at /ui. */
  readonly ui?: boolean | undefined;
  /** Make the dashboard read-only. */
  readonly uiReadOnly?: boolean | undefined;
  /** Maximum size of a message. */
  readonly maxMessageMb?: Value | undefined;
  /** Log JSON lines on a terminal too. */
  readonly json?: boolean | undefined;
  /** Level of a JSON log: debug adds connections, trace adds sessions. */
  readonly logLevel?: 'trace' | 'debug' | 'info' | 'error' | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Port of mail exchangers; default 25. */
  readonly port?: Value | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Send all mail through this host; smtps://host for implicit TLS. */
  readonly relay?: Value | undefined;
  /** Deliver all mail to this host and nowhere else, such as "mb inbox". */
  readonly dev?: Value | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** Use only IPv4 or only IPv6. */
  readonly family?: '4' | '6' | undefined;
  /** Minimum TLS that each host must offer; default opportunistic. */
  readonly tls?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: Value | undefined;
  /** JSON list of reply rules to try first. */
  readonly replyRules?: Value | undefined;
  /** Private key, PEM; MB_DKIM_KEY may hold the PEM itself. */
  readonly dkimKey?: Value | undefined;
  /** Selector of the key in DNS. */
  readonly dkimSelector?: Value | undefined;
  /** Signing domain; default that of From. */
  readonly dkimDomain?: Value | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** Mail alerts to these addresses. */
  readonly alertTo?: Value | readonly Value[] | undefined;
  /** From address of that mail, at a domain with a DKIM key. */
  readonly alertFrom?: Value | undefined;
  /** Post alerts to this URL, signed like a webhook. */
  readonly alertWebhook?: Value | undefined;
  /** Secret of that webhook, whsec_…; MB_ALERT_WEBHOOK_SECRET may hold the secret itself. */
  readonly alertWebhookSecret?: Value | undefined;
}

/** Flags of `mb work`. */
interface WorkFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** How long to keep the content of a message after its last outcome, such as 7d, to read or resend it; default 0. */
  readonly keepContent?: Value | undefined;
  /** Maximum number of connections; default 50. */
  readonly concurrency?: Value | undefined;
  /** Time to finish attempts and requests in progress when stopping. */
  readonly grace?: Value | undefined;
  /** Networks to allow for webhooks although their addresses are not public. */
  readonly webhookAllow?: Value | readonly Value[] | undefined;
  /** Log JSON lines on a terminal too. */
  readonly json?: boolean | undefined;
  /** Level of a JSON log: debug adds connections, trace adds sessions. */
  readonly logLevel?: 'trace' | 'debug' | 'info' | 'error' | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Port of mail exchangers; default 25. */
  readonly port?: Value | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Send all mail through this host; smtps://host for implicit TLS. */
  readonly relay?: Value | undefined;
  /** Deliver all mail to this host and nowhere else, such as "mb inbox". */
  readonly dev?: Value | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** Use only IPv4 or only IPv6. */
  readonly family?: '4' | '6' | undefined;
  /** Minimum TLS that each host must offer; default opportunistic. */
  readonly tls?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: Value | undefined;
  /** JSON list of reply rules to try first. */
  readonly replyRules?: Value | undefined;
  /** Private key, PEM; MB_DKIM_KEY may hold the PEM itself. */
  readonly dkimKey?: Value | undefined;
  /** Selector of the key in DNS. */
  readonly dkimSelector?: Value | undefined;
  /** Signing domain; default that of From. */
  readonly dkimDomain?: Value | undefined;
  /** Encrypts keys of managed domains and webhook secrets; MB_MASTER_KEY may hold the key itself. */
  readonly masterKey?: Value | undefined;
  /** Mail alerts to these addresses. */
  readonly alertTo?: Value | readonly Value[] | undefined;
  /** From address of that mail, at a domain with a DKIM key. */
  readonly alertFrom?: Value | undefined;
  /** Post alerts to this URL, signed like a webhook. */
  readonly alertWebhook?: Value | undefined;
  /** Secret of that webhook, whsec_…; MB_ALERT_WEBHOOK_SECRET may hold the secret itself. */
  readonly alertWebhookSecret?: Value | undefined;
}

/** Flags of `mb suppress`. */
interface SuppressFlagValues {
  /** Flags of `mb suppress ls` alone. */
  readonly ls?: LsSuppressFlagValues | undefined;
  /** Flags of `mb suppress add` alone. */
  readonly add?: AddSuppressFlagValues | undefined;
  /** Flags of `mb suppress lift` alone. */
  readonly lift?: LiftSuppressFlagValues | undefined;
  /** Flags of `mb suppress export` alone. */
  readonly export?: ExportSuppressFlagValues | undefined;
  /** Flags of `mb suppress import` alone. */
  readonly import?: ImportSuppressFlagValues | undefined;
}

/** Flags of `mb suppress import`. */
interface ImportSuppressFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** This tenant's list; default the list of messages without a tenant. */
  readonly tenant?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb suppress export`. */
interface ExportSuppressFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** This tenant's list; default the list of messages without a tenant. */
  readonly tenant?: Value | undefined;
  /** How to write. */
  readonly format?: 'jsonl' | 'csv' | undefined;
  /** The lists of all tenants. */
  readonly allTenants?: boolean | undefined;
}

/** Flags of `mb suppress lift`. */
interface LiftSuppressFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** This tenant's list; default the list of messages without a tenant. */
  readonly tenant?: Value | undefined;
  /** Do not ask; needed where there is no terminal. */
  readonly yes?: boolean | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb suppress add`. */
interface AddSuppressFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** This tenant's list; default the list of messages without a tenant. */
  readonly tenant?: Value | undefined;
  /** Why. */
  readonly reason?: 'bad-mailbox' | 'complaint' | 'operator' | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb suppress ls`. */
interface LsSuppressFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** This tenant's list; default the list of messages without a tenant. */
  readonly tenant?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue`. */
interface QueueFlagValues {
  /** Flags of `mb queue ls` alone. */
  readonly ls?: LsQueueFlagValues | undefined;
  /** Flags of `mb queue show` alone. */
  readonly show?: ShowQueueFlagValues | undefined;
  /** Flags of `mb queue hold` alone. */
  readonly hold?: HoldQueueFlagValues | undefined;
  /** Flags of `mb queue release` alone. */
  readonly release?: ReleaseQueueFlagValues | undefined;
  /** Flags of `mb queue cancel` alone. */
  readonly cancel?: CancelQueueFlagValues | undefined;
  /** Flags of `mb queue retry` alone. */
  readonly retry?: RetryQueueFlagValues | undefined;
  /** Flags of `mb queue suspend` alone. */
  readonly suspend?: SuspendQueueFlagValues | undefined;
  /** Flags of `mb queue resume` alone. */
  readonly resume?: ResumeQueueFlagValues | undefined;
  /** Flags of `mb queue stats` alone. */
  readonly stats?: StatsQueueFlagValues | undefined;
  /** Flags of `mb queue export` alone. */
  readonly export?: ExportQueueFlagValues | undefined;
  /** Flags of `mb queue migrate` alone. */
  readonly migrate?: MigrateQueueFlagValues | undefined;
}

/** Flags of `mb queue migrate`. */
interface MigrateQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue export`. */
interface ExportQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Recipients in this state. */
  readonly state?:
    | 'queued'
    | 'held'
    | 'unknown'
    | 'delivered'
    | 'failed'
    | 'expired'
    | 'cancelled'
    | undefined;
  /** Recipients of this domain. */
  readonly domain?: Value | undefined;
  /** Recipients of this destination, as "mb queue stats" names it. */
  readonly site?: Value | undefined;
  /** Recipients of messages without a tenant. */
  readonly tenant?: Value | boolean | undefined;
  /** Recipients of messages with this tag. */
  readonly tag?: Value | undefined;
  /** How to write. */
  readonly format?: 'jsonl' | 'csv' | undefined;
  /** The same as --format jsonl. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue stats`. */
interface StatsQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue resume`. */
interface ResumeQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue suspend`. */
interface SuspendQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Reason, shown by "mb queue stats". */
  readonly note?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue retry`. */
interface RetryQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Recipients in this state. */
  readonly state?:
    | 'queued'
    | 'held'
    | 'unknown'
    | 'delivered'
    | 'failed'
    | 'expired'
    | 'cancelled'
    | undefined;
  /** Recipients of this domain. */
  readonly domain?: Value | undefined;
  /** Recipients of this destination, as "mb queue stats" names it. */
  readonly site?: Value | undefined;
  /** Recipients of messages without a tenant. */
  readonly tenant?: Value | boolean | undefined;
  /** Recipients of messages with this tag. */
  readonly tag?: Value | undefined;
  /** All recipients of the queue. */
  readonly all?: boolean | undefined;
  /** Do not ask; needed where there is no terminal. */
  readonly yes?: boolean | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue cancel`. */
interface CancelQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Recipients in this state. */
  readonly state?:
    | 'queued'
    | 'held'
    | 'unknown'
    | 'delivered'
    | 'failed'
    | 'expired'
    | 'cancelled'
    | undefined;
  /** Recipients of this domain. */
  readonly domain?: Value | undefined;
  /** Recipients of this destination, as "mb queue stats" names it. */
  readonly site?: Value | undefined;
  /** Recipients of messages without a tenant. */
  readonly tenant?: Value | boolean | undefined;
  /** Recipients of messages with this tag. */
  readonly tag?: Value | undefined;
  /** All recipients of the queue. */
  readonly all?: boolean | undefined;
  /** Do not ask; needed where there is no terminal. */
  readonly yes?: boolean | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue release`. */
interface ReleaseQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Recipients in this state. */
  readonly state?:
    | 'queued'
    | 'held'
    | 'unknown'
    | 'delivered'
    | 'failed'
    | 'expired'
    | 'cancelled'
    | undefined;
  /** Recipients of this domain. */
  readonly domain?: Value | undefined;
  /** Recipients of this destination, as "mb queue stats" names it. */
  readonly site?: Value | undefined;
  /** Recipients of messages without a tenant. */
  readonly tenant?: Value | boolean | undefined;
  /** Recipients of messages with this tag. */
  readonly tag?: Value | undefined;
  /** All recipients of the queue. */
  readonly all?: boolean | undefined;
  /** Do not ask; needed where there is no terminal. */
  readonly yes?: boolean | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue hold`. */
interface HoldQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Recipients in this state. */
  readonly state?:
    | 'queued'
    | 'held'
    | 'unknown'
    | 'delivered'
    | 'failed'
    | 'expired'
    | 'cancelled'
    | undefined;
  /** Recipients of this domain. */
  readonly domain?: Value | undefined;
  /** Recipients of this destination, as "mb queue stats" names it. */
  readonly site?: Value | undefined;
  /** Recipients of messages without a tenant. */
  readonly tenant?: Value | boolean | undefined;
  /** Recipients of messages with this tag. */
  readonly tag?: Value | undefined;
  /** All recipients of the queue. */
  readonly all?: boolean | undefined;
  /** Do not ask; needed where there is no terminal. */
  readonly yes?: boolean | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue show`. */
interface ShowQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Print the message itself, as it is stored. */
  readonly content?: boolean | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb queue ls`. */
interface LsQueueFlagValues {
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** A running "mb serve" to use instead of the queue itself; MB_API_KEY has the API key. */
  readonly server?: Value | undefined;
  /** Recipients in this state. */
  readonly state?:
    | 'queued'
    | 'held'
    | 'unknown'
    | 'delivered'
    | 'failed'
    | 'expired'
    | 'cancelled'
    | undefined;
  /** Recipients of this domain. */
  readonly domain?: Value | undefined;
  /** Recipients of this destination, as "mb queue stats" names it. */
  readonly site?: Value | undefined;
  /** Recipients of messages without a tenant. */
  readonly tenant?: Value | boolean | undefined;
  /** Recipients of messages with this tag. */
  readonly tag?: Value | undefined;
  /** Maximum number of rows. */
  readonly limit?: Value | undefined;
  /** Print one JSON object. */
  readonly json?: boolean | undefined;
}

/** Flags of `mb send`. */
interface SendFlagValues {
  /** Author, such as "Ann <ann@example.com>". */
  readonly from?: Value | undefined;
  /** Recipient; repeat the flag or separate with commas. */
  readonly to?: Value | readonly Value[] | undefined;
  /** Recipient of a copy. */
  readonly cc?: Value | readonly Value[] | undefined;
  /** Recipient that the other recipients do not see. */
  readonly bcc?: Value | readonly Value[] | undefined;
  /** Address for replies. */
  readonly replyTo?: Value | readonly Value[] | undefined;
  /** Mailbox that sends the message; required with several authors. */
  readonly sender?: Value | undefined;
  /** Subject, any characters. */
  readonly subject?: Value | undefined;
  /** Plain body; default standard input. */
  readonly text?: Value | undefined;
  /** Plain body from a file, - is standard input. */
  readonly textFile?: Value | undefined;
  /** Write the plain body in $VISUAL or $EDITOR; the default on a terminal without a body. */
  readonly edit?: boolean | undefined;
  /** HTML body. */
  readonly html?: Value | undefined;
  /** HTML body from a file, - is standard input. */
  readonly htmlFile?: Value | undefined;
  /** Attach a file. */
  readonly attach?: Value | readonly Value[] | undefined;
  /** File that the HTML shows by cid:id; default id is its name. */
  readonly inline?: Value | readonly Value[] | undefined;
  /** Alternative body, such as text/calendar:invitation.ics. */
  readonly alternative?: Value | readonly Value[] | undefined;
  /** Further header field. */
  readonly header?: Value | readonly Value[] | undefined;
  /** Message-ID; default a new unique one. */
  readonly messageId?: Value | undefined;
  /** Message that this one replies to. */
  readonly inReplyTo?: Value | undefined;
  /** Messages of the thread. */
  readonly references?: Value | readonly Value[] | undefined;
  /** Date of the message; default now. */
  readonly date?: Value | undefined;
  /** Mark the message with this priority. */
  readonly priority?: 'high' | 'normal' | 'low' | undefined;
  /** Mark the message as automatic, so that autoresponders stay silent. */
  readonly autoSubmitted?: 'auto-generated' | 'auto-replied' | 'auto-notified' | undefined;
  /** Https or mailto URI to leave the list. */
  readonly unsubscribe?: Value | readonly Value[] | undefined;
  /** The https URI of --unsubscribe accepts one-click requests (RFC 8058). */
  readonly oneClick?: boolean | undefined;
  /** CSV with a row for each message; {{column}} inserts a value. */
  readonly toFile?: Value | undefined;
  /** The column with the address; default email or to. */
  readonly toColumn?: Value | undefined;
  /** Send nothing, or skip such rows; default stop. */
  readonly onBadRow?: 'stop' | 'skip' | undefined;
  /** File with the result of each row; default NAME.results.jsonl beside the CSV. */
  readonly results?: Value | undefined;
  /** Send again to recipients who may have received the message. */
  readonly resendUnknown?: boolean | undefined;
  /** Continue although the file or the message has changed. */
  readonly acceptChanges?: boolean | undefined;
  /** Maximum number of connections; default 50. */
  readonly concurrency?: Value | undefined;
  /** Messages that --dry-run shows; default 3. */
  readonly preview?: Value | undefined;
  /** Send this message unchanged except for Bcc; - is standard input. */
  readonly eml?: Value | undefined;
  /** Return path, "" is the null path; default Sender or From. */
  readonly envelopeFrom?: Value | undefined;
  /** Recipients instead of those in the header; default To, Cc, Bcc. */
  readonly envelopeTo?: Value | readonly Value[] | undefined;
  /** Private key, PEM; MB_DKIM_KEY may hold the PEM itself. */
  readonly dkimKey?: Value | undefined;
  /** Selector of the key in DNS. */
  readonly dkimSelector?: Value | undefined;
  /** Signing domain; default that of From. */
  readonly dkimDomain?: Value | undefined;
  /** This machine's public name, for EHLO; default the system's. */
  readonly hostname?: Value | undefined;
  /** DNS server, such as 192.0.2.53, [2001:db8::53]:53, https://…; default the system's. */
  readonly resolver?: Value | readonly Value[] | undefined;
  /** Port of mail exchangers; default 25. */
  readonly port?: Value | undefined;
  /** Networks to allow although their addresses are not public, for tests. */
  readonly allow?: Value | readonly Value[] | undefined;
  /** Send all mail through this host; smtps://host for implicit TLS. */
  readonly relay?: Value | undefined;
  /** Deliver all mail to this host and nowhere else, such as "mb inbox". */
  readonly dev?: Value | undefined;
  /** Address of this machine to connect from. */
  readonly localAddress?: Value | readonly Value[] | undefined;
  /** Use only IPv4 or only IPv6. */
  readonly family?: '4' | '6' | undefined;
  /** Minimum TLS that each host must offer; default opportunistic. */
  readonly tls?: 'opportunistic' | 'required' | 'verified' | undefined;
  /** Certificates to trust instead of the system's, PEM. */
  readonly ca?: Value | undefined;
  /** JSON list of reply rules to try first. */
  readonly replyRules?: Value | undefined;
  /** Require verified TLS on every hop (RFC 8689). */
  readonly requireTls?: boolean | undefined;
  /** Give up after this time. */
  readonly timeout?: Value | undefined;
  /** Queue the message for "mb work" to deliver, and send nothing now. */
  readonly queue?: boolean | undefined;
  /** The queue: a SQLite file, or postgres://…. */
  readonly store?: Value | undefined;
  /** Queue the message only once, even if the command is repeated. */
  readonly idempotencyKey?: Value | undefined;
  /** Make no attempt before this date. */
  readonly notBefore?: Value | undefined;
  /** Tenant of the message; tenants take turns at delivery, and may have their own domains. */
  readonly tenant?: Value | undefined;
  /** Word by which to select the message later. */
  readonly tag?: Value | undefined;
  /** Print what would be done, without connecting to a mail host. */
  readonly dryRun?: boolean | undefined;
  /** Show the sessions as they happen. */
  readonly watch?: boolean | undefined;
  /** Print one JSON object, with --to-file one for each row. */
  readonly json?: boolean | undefined;
  /** Print errors only. */
  readonly quiet?: boolean | undefined;
}
