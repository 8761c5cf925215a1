import type { Duplex } from 'node:stream';
import { plainOrLogin } from './auth.ts';
import { type ConnectionSettings, HostConnection } from './connection.ts';
import { DotScanner, unstuff } from './dot-content.ts';
import { refusedParameter } from './parameter.ts';
import type { SmtpSessionRecord, SmtpTransactionRecord } from './record.ts';
import { type Answer, encodeReply } from './reply.ts';
import type { SmtpHostAuth, SmtpHostTls, SmtpScript, Step } from './script.ts';

export interface SessionSettings extends ConnectionSettings {
  readonly hostname: string;
  readonly protocol: 'smtp' | 'lmtp';
  readonly keywords: readonly string[];
  readonly script: SmtpScript;
  readonly tls: SmtpHostTls | undefined;
  readonly implicitTls: boolean;
  readonly auth: SmtpHostAuth | undefined;
  readonly lenientLineEnds: boolean;
  readonly onMessage: (transaction: SmtpTransactionRecord) => void;
}

interface Command {
  readonly line: string;
  readonly verb: string;
  readonly argument: string;
}

const NO_COMMAND: Command = { line: '', verb: '', argument: '' };

/** The method that handles each verb. */
const HANDLERS = {
  EHLO: 'hello',
  LHLO: 'hello',
  HELO: 'hello',
  STARTTLS: 'startTls',
  AUTH: 'authenticate',
  MAIL: 'mail',
  RCPT: 'recipient',
  DATA: 'data',
  BDAT: 'bdat',
  RSET: 'reset',
  NOOP: 'noop',
  VRFY: 'verify',
  QUIT: 'quit',
} as const;

/** One session of a scripted host. Each step uses the answer of the script, else that of a correct server. */
export class HostSession {
  readonly record: SmtpSessionRecord;
  readonly connection: HostConnection;
  readonly #settings: SessionSettings;
  readonly #script: SmtpScript;
  #transaction: SmtpTransactionRecord | undefined;
  /** The pieces of content of the open transaction. */
  #content: Buffer[] = [];
  #chunkRefused = false;

  constructor(socket: Duplex, record: SmtpSessionRecord, settings: SessionSettings) {
    this.record = record;
    this.#settings = settings;
    this.#script = settings.script;
    this.connection = new HostConnection(socket, record, settings);
  }

  /** Serves until the connection ends; never rejects. */
  async run(): Promise<void> {
    try {
      const { tls, implicitTls, hostname, protocol } = this.#settings;
      this.connection.note('connected');
      if (implicitTls && tls) {
        this.connection.holdForTls();
        if (!(await this.connection.startTls(tls))) return;
      }
      const greeting = `220 ${hostname} ${protocol === 'lmtp' ? 'LMTP' : 'ESMTP'}`;
      await this.#answer(this.#script.greeting, greeting, NO_COMMAND);
      while (this.connection.open) {
        const line = await this.connection.reader.line(this.#settings.lenientLineEnds);
        if (line === undefined) break;
        await this.#serve(line.toString());
      }
    } catch (error) {
      // Recorded, since the connection otherwise seems to end normally.
      this.connection.note('script-error', undefined, String(error));
    }
    // Even if the script stopped serving the connection, so that no half-open socket remains.
    this.connection.destroy();
  }

  async #serve(line: string): Promise<void> {
    this.record.commands.push(line);
    const [, verb = '', argument = ''] = /^(\S*) ?(.*)$/s.exec(line) ?? [];
    const command = { line, verb: verb.toUpperCase(), argument };
    const override = this.#script.verbs?.[command.verb];
    const scripted = override && (await this.#ask(override, command));
    const handler = HANDLERS[command.verb as keyof typeof HANDLERS];
    if (scripted !== undefined) await this.connection.send(encodeReply(scripted));
    else if (handler === undefined) await this.connection.send(encodeReply(500));
    else await this[handler](command);
  }

  /** Sends the script's answer, else the default one, and returns its code. `onDecided` gets it before it is sent. */
  async #answer(
    step: Step | undefined,
    fallback: Answer,
    command: Command,
    recipient = '',
    onDecided?: (code: number) => void,
  ): Promise<number> {
    const scripted = step === undefined ? undefined : await this.#ask(step, command, recipient);
    const reply = encodeReply(scripted ?? fallback);
    onDecided?.(reply.code);
    await this.connection.send(reply);
    return reply.code;
  }

  #ask(step: Step, command: Command, recipient = ''): Answer | undefined | Promise<Answer | undefined> {
    if (typeof step !== 'function') return step;
    const { line, argument } = command;
    return step({ line, argument, recipient, session: this.record, transaction: this.#transaction });
  }

  /** EHLO, LHLO, HELO. */
  async hello(command: Command): Promise<void> {
    const { hostname, protocol } = this.#settings;
    const isLmtp = protocol === 'lmtp';
    // RFC 2033 §4.1: LMTP has LHLO in place of HELO and EHLO.
    if (isLmtp !== (command.verb === 'LHLO')) return this.connection.send(encodeReply(500));
    this.#endTransaction();
    const extended = command.verb !== 'HELO';
    const text = extended ? [`${hostname} greets ${command.argument}`, ...this.#offered()] : hostname;
    const code = await this.#answer(
      extended ? this.#script.ehlo : this.#script.helo,
      { code: 250, text },
      command,
    );
    if (code === 250) this.record.clientName = command.argument;
  }

  /** The EHLO keywords in the current state. */
  #offered(): string[] {
    const { keywords, tls, auth } = this.#settings;
    const offered = [...keywords];
    // RFC 3207 §4.2: not offered inside TLS.
    if (tls && this.record.tls === undefined) offered.push('STARTTLS');
    if (auth) offered.push(`AUTH ${(auth.mechanisms ?? ['PLAIN', 'LOGIN']).join(' ')}`);
    return offered;
  }

  async startTls(command: Command): Promise<void> {
    const { tls } = this.#settings;
    const early = this.connection.holdForTls();
    if (early.length > 0) this.record.clearTextBehindStarttls = early;
    const possible = tls !== undefined && this.record.tls === undefined;
    const code = await this.#answer(
      this.#script.starttls,
      possible ? '220 2.0.0 Ready to start TLS' : 503,
      command,
    );
    if (code !== 220 || tls === undefined) {
      this.connection.reader.unread(early);
      this.connection.resumeClear();
      return;
    }
    this.#endTransaction();
    // RFC 3207 §4.2: discard the client name from before TLS.
    this.record.clientName = '';
    if (this.connection.open) await this.connection.startTls(tls);
  }

  async authenticate(command: Command): Promise<void> {
    const { auth } = this.#settings;
    if (auth === undefined) return this.connection.send(encodeReply(502));
    const [mechanism = '', initial] = command.argument.split(' ');
    const exchange = {
      mechanism: mechanism.toUpperCase(),
      // RFC 4954 §4: `=` is an empty initial response.
      initial: initial === undefined ? undefined : Buffer.from(initial === '=' ? '' : initial, 'base64'),
      session: this.record,
      challenge: (octets: string | Uint8Array) => this.#challenge(octets),
    };
    const run = auth.exchange ?? ((one) => plainOrLogin(auth, one));
    await this.connection.send(encodeReply(await run(exchange)));
  }

  async #challenge(octets: string | Uint8Array): Promise<Buffer | '*'> {
    const text = Buffer.from(octets as Uint8Array).toString('base64');
    await this.connection.send(encodeReply({ code: 334, text }));
    const line = await this.connection.reader.line(this.#settings.lenientLineEnds);
    if (line === undefined) return '*';
    this.record.commands.push(line.toString());
    return line.toString() === '*' ? '*' : Buffer.from(line.toString(), 'base64');
  }

  async mail(command: Command): Promise<void> {
    const path = parsePath('FROM', command.argument);
    const fallback = path === undefined ? 501 : this.#judgeMail(path.parameters);
    const code = await this.#answer(this.#script.mail, fallback, command);
    if (path === undefined || code < 200 || code > 299) return;
    this.#content = [];
    this.#chunkRefused = false;
    this.#transaction = {
      from: path.address,
      parameters: path.parameters,
      recipients: [],
      via: undefined,
      wire: Buffer.alloc(0),
      content: Buffer.alloc(0),
      chunks: [],
      contentBytes: 0,
      contentCode: undefined,
      tls: this.record.tls !== undefined,
    };
    this.record.transactions.push(this.#transaction);
  }

  #judgeMail(parameters: readonly string[]): Answer {
    if (this.record.clientName === '' || this.#transaction) return 503;
    const unknown = refusedParameter('MAIL', parameters, this.#offered());
    if (unknown) return `555 5.5.4 Parameter ${unknown} is not offered`;
    const size = Number(parameters.find((one) => /^SIZE=\d+$/i.test(one))?.slice(5) ?? 0);
    return size > this.#maxBytes() ? 552 : '250 2.1.0 Sender OK';
  }

  /** Returns the limit of the SIZE keyword; 0 means no limit (RFC 1870 §4). */
  #maxBytes(): number {
    const size = this.#settings.keywords.find((keyword) => /^SIZE \d+$/i.test(keyword));
    return Number(size?.slice(5) ?? 0) || Number.POSITIVE_INFINITY;
  }

  async recipient(command: Command): Promise<void> {
    const path = parsePath('TO', command.argument);
    const address = path?.address ?? '';
    const unknown = path && refusedParameter('RCPT', path.parameters, this.#offered());
    const fallback =
      this.#transaction === undefined
        ? 503
        : path === undefined || address === ''
          ? 501
          : unknown
            ? `555 5.5.4 Parameter ${unknown} is not offered`
            : '250 2.1.5 Recipient OK';
    const step = this.#script.recipients?.[address.toLowerCase()] ?? this.#script.rcpt;
    const code = await this.#answer(step, fallback, command, address);
    this.#transaction?.recipients.push({ address, parameters: path?.parameters ?? [], code });
    this.#settings.onChange();
  }

  async data(command: Command): Promise<void> {
    const code = await this.#answer(this.#script.data, this.#judgeContent() ?? 354, command);
    if (code !== 354 || !this.connection.open) return;
    const transaction = this.#transaction;
    if (!(await this.#readDotted())) return;
    if (transaction) transaction.via = 'data';
    await this.#takeContent(command);
  }

  /** Returns the refusal if content is not allowed now; otherwise undefined. */
  #judgeContent(): Answer | undefined {
    if (this.#transaction === undefined) return 503;
    return this.#accepted().length === 0 ? '554 5.5.1 No valid recipients' : undefined;
  }

  #accepted() {
    return (this.#transaction?.recipients ?? []).filter(({ code }) => code >= 200 && code <= 299);
  }

  /** Reads content up to the end of data; false if the connection or the script ended it before. */
  async #readDotted(): Promise<boolean> {
    const { reader } = this.connection;
    const scanner = new DotScanner(this.#settings.lenientLineEnds);
    for (;;) {
      const piece = await reader.piece();
      if (piece === undefined) return false;
      const end = scanner.scan(piece);
      const own = piece.subarray(0, end ?? piece.length);
      if (!(await this.#gather(own))) return false;
      if (end === undefined) continue;
      reader.unread(piece.subarray(end));
      return true;
    }
  }

  async bdat(command: Command): Promise<void> {
    const [, digits, last] = /^(\d{1,15})( +LAST)?$/i.exec(command.argument) ?? [];
    if (digits === undefined) return this.connection.send(encodeReply(501));
    const offered = this.#offered().includes('CHUNKING');
    const refusal = offered ? (this.#judgeContent() ?? (this.#chunkRefused ? 503 : undefined)) : 502;
    // RFC 3030 §2: the client sends the octets of a refused chunk too, so they must be read.
    if (!(await this.#readCounted(Number(digits)))) return;
    const transaction = this.#transaction;
    if (transaction) transaction.via = 'bdat';
    transaction?.chunks.push(Number(digits));
    if (last !== undefined && refusal === undefined) return this.#takeContent(command);
    const code = await this.#answer(
      this.#script.bdat,
      refusal ?? `250 2.0.0 ${digits} octets received`,
      command,
    );
    this.#chunkRefused ||= code > 299;
  }

  async #readCounted(octets: number): Promise<boolean> {
    for (let left = octets; left > 0; ) {
      const piece = await this.connection.reader.piece();
      if (piece === undefined) return false;
      this.connection.reader.unread(piece.subarray(left));
      if (!(await this.#gather(piece.subarray(0, left)))) return false;
      left -= Math.min(left, piece.length);
    }
    return true;
  }

  /** Adds content to the transaction; false if the script stops serving the session here. */
  async #gather(piece: Buffer): Promise<boolean> {
    const transaction = this.#transaction;
    if (transaction === undefined) return true;
    transaction.contentBytes += piece.length;
    if (this.#settings.keepOctets) this.#content.push(piece);
    const { duringContent } = this.#script;
    if (duringContent === undefined || transaction.contentBytes < duringContent.afterOctets) return true;
    this.#keepContent(transaction);
    await this.connection.follow(duringContent.action);
    return false;
  }

  #keepContent(transaction: SmtpTransactionRecord): void {
    transaction.wire = Buffer.concat(this.#content);
    const dotted = transaction.via === 'data' && transaction.wire.length > 0;
    transaction.content = dotted
      ? unstuff(transaction.wire, this.#settings.lenientLineEnds)
      : transaction.wire;
  }

  /** Answers the complete content: once, or in LMTP once for each accepted recipient (RFC 2033 §4.2). */
  async #takeContent(command: Command): Promise<void> {
    const transaction = this.#transaction;
    if (transaction) this.#keepContent(transaction);
    const tooBig = (transaction?.contentBytes ?? 0) > this.#maxBytes();
    const fallback: Answer = tooBig ? 552 : '250 2.0.0 Message accepted';
    let listed = false;
    // The message is listed before the reply is sent, so that a client that has the reply finds it.
    const list = (code: number) => {
      if (!transaction || listed || code < 200 || code > 299) return;
      listed = true;
      this.#settings.onMessage(transaction);
    };
    if (this.#settings.protocol === 'lmtp') {
      for (const recipient of this.#accepted()) {
        const step =
          this.#script.contentRecipients?.[recipient.address.toLowerCase()] ?? this.#script.content;
        await this.#answer(step, fallback, command, recipient.address, (code) => {
          recipient.contentCode = code;
          if (transaction) transaction.contentCode ??= code;
          list(code);
        });
      }
    } else {
      await this.#answer(this.#script.content, fallback, command, '', (code) => {
        if (transaction) transaction.contentCode = code;
        list(code);
      });
    }
    this.#endTransaction();
    this.#settings.onChange();
  }

  #endTransaction(): void {
    this.#transaction = undefined;
    this.#content = [];
  }

  async reset(command: Command): Promise<void> {
    this.#endTransaction();
    await this.#answer(this.#script.rset, 250, command);
  }

  async noop(command: Command): Promise<void> {
    await this.#answer(this.#script.noop, 250, command);
  }

  async verify(command: Command): Promise<void> {
    await this.#answer(this.#script.vrfy, 252, command);
  }

  async quit(command: Command): Promise<void> {
    await this.#answer(this.#script.quit, 221, command);
    await this.connection.follow('close');
  }
}

/** Parses `FROM:<path> parameters`; a quoted local part may contain `>` (RFC 5321 §4.1.2). */
function parsePath(
  word: 'FROM' | 'TO',
  argument: string,
): { address: string; parameters: string[] } | undefined {
  const match = /^(FROM|TO): ?<((?:"(?:[^"\\]|\\.)*"|[^">])*)>(?: +(.*))?$/i.exec(argument);
  if (match?.[1]?.toUpperCase() !== word) return undefined;
  return { address: match[2] ?? '', parameters: (match[3] ?? '').split(' ').filter((one) => one !== '') };
}
