// Long because it has all inputs and outputs of a session; its states and transitions are in tables beside it.

import { checkType, misuse, type Reply, SmtpError, type Stage, type TranscriptEntry } from '../../errors.ts';
import { readOptions } from '../../option-table.ts';
import { releaseSlab, type Slab, type TransmitBlock, writeBlock } from '../content/transmit-block.ts';
import { ReplyParser } from '../reply/reply-parser.ts';
import { AuthDialogue } from '../sasl/auth-dialogue.ts';
import { encodeBase64 } from '../sasl/base64.ts';
import { Delivery, wholeContent } from '../transaction/delivery.ts';
import { checkEnvelope, type Envelope } from '../transaction/envelope.ts';
import { FlightWindow } from '../transaction/flight-window.ts';
import { TransactionLedger } from '../transaction/ledger.ts';
import { type Expected, Pipeline } from '../transaction/pipeline.ts';
import { endedByPeer, Receiver } from '../transaction/receiver.ts';
import { Sender } from '../transaction/sender.ts';
import { type Capabilities, parseCapabilities } from './capabilities.ts';
import { Deadlines } from './deadlines.ts';
import type { SessionEvent } from './events.ts';
import { HostExperience } from './host-experience.ts';
import { resolveLimits, type SessionLimits } from './limits.ts';
import { Secrets } from './secrets.ts';
import {
  authRefused,
  authUnavailable,
  badChallenge,
  connectionLost,
  failure,
  handshakeFailed,
  handshakeTimeout,
  injected,
  insecureAuth,
  internal,
  lmtpUnknown,
  overallTimeout,
  setupRefused,
  tlsNotOffered,
} from './session-errors.ts';
import {
  readSessionOptions,
  type SessionOptions,
  type SessionTls,
  tlsStateOptions,
} from './session-options.ts';
import { type ReplyStage, resolveTimeouts } from './timeouts.ts';
import { Transcript } from './transcript.ts';
import { nextSessionState, type SessionInput, type SessionState } from './transitions.ts';

const utf8 = new TextEncoder();

/**
 * The client side of an SMTP or LMTP session, without sockets, clock or randomness.
 *
 * Its methods are of four kinds:
 *
 * - inputs of the transport, with `now` in epoch milliseconds: `receive`, `receiveEof`, `transmitted`, `handleTimeout`,
 *   and after the event that asks for them, `tlsEstablished`, `authRespond`, `authDecline`, `authConfirm`,
 *   `provideContent`, `endContent`;
 * - inputs of the application: `submit`, `cancel`, `quit`, `fail`;
 * - outputs: `pollTransmit` returns octets, `next` returns events, `nextDeadline` returns when to call `handleTimeout`;
 * - getters, which change nothing.
 *
 * After every input, call `pollTransmit` until it returns undefined, then `next` until it returns undefined, and both
 * again as long as one of them returned something; then call `nextDeadline`. Octets come first, so that the next commands
 * are sent before the application handles a reply.
 *
 * @throws {SmtpError} MB_SMTP_OPTION
 * @example
 * const session = new SmtpSession({ hostname: 'mail.example.org' }, Date.now());
 * session.submit({ from: 'a@example.org', to: ['b@example.com'] }, content);
 * session.receive(octets, Date.now());
 * for (let out = session.pollTransmit(Date.now()); out; out = session.pollTransmit(Date.now())) port.postMessage(out);
 * for (let event = session.next(); event; event = session.next()) …
 */
export class SmtpSession {
  readonly #options: ReturnType<typeof readSessionOptions>;
  readonly #limits: SessionLimits;
  readonly #deadlines: Deadlines;
  readonly #parser: ReplyParser;
  readonly #pipeline = new Pipeline();
  readonly #events: SessionEvent[] = [];
  readonly #window: FlightWindow;
  readonly #ledger: TransactionLedger;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #setup: Transcript;
  /** What is known about the host, shared with other sessions if the caller wants that. */
  readonly experience: HostExperience;
  #state: SessionState = 'greeting';
  /** Commands outside of transactions that are not written yet. */
  readonly #commands: { readonly line: string; readonly stage: ReplyStage }[] = [];
  #capabilities: Capabilities | undefined;
  #tls: SessionTls | undefined;
  /** The server may still reject the handshake. */
  #tlsPending = false;
  #auth: AuthDialogue | undefined;
  readonly #secrets = new Secrets();
  /** Memory of the blocks that the transport has, oldest first. */
  readonly #given: Slab[] = [];
  #nextId = 1;
  #now: number;

  constructor(given: SessionOptions, now: number) {
    const options = readSessionOptions(given);
    this.#options = options;
    this.#limits = resolveLimits(options.limits);
    this.#deadlines = new Deadlines(resolveTimeouts(options.timeouts), now);
    this.#parser = new ReplyParser(this.#limits);
    this.#setup = new Transcript(this.#limits.transcriptEntries, options.onTranscript);
    this.#tls = options.implicitTls;
    this.#tlsPending = options.implicitTls?.provisional === true;
    this.#now = now;
    this.experience = options.experience ?? new HostExperience();
    const { experience } = this;
    const { pipelining, protocol } = options;
    const emit = (event: SessionEvent) => this.#events.push(event);
    this.#window = new FlightWindow({ limits: this.#limits, pipelining, experience });
    this.#ledger = new TransactionLedger({
      experience,
      window: this.#window,
      refusalsInRow: this.#limits.refusalsInRow,
      emit,
    });
    const shared = {
      pipeline: this.#pipeline,
      ledger: this.#ledger,
      fail: (error: SmtpError) => this.#end('lost', error),
    };
    const sender = new Sender({
      ...shared,
      window: this.#window,
      limits: this.#limits,
      pipelining,
      protocol,
      emit,
    });
    this.#sender = sender;
    this.#receiver = new Receiver({ ...shared, experience, writeLoneDot: () => sender.writeLoneDot() });
    this.#pipeline.expect('greeting');
    this.#pipeline.nextBlock();
    if (this.#tls) this.#setup.note(now, `TLS: ${this.#tls.description}`);
  }

  /** The state in the SESSION table. */
  get state(): SessionState {
    return this.#state;
  }

  /** What the server offered; inside TLS only what it offered there. Undefined before EHLO. */
  get capabilities(): Capabilities | undefined {
    return this.#capabilities;
  }

  /** Whether no delivery is waiting, being written or awaiting its reply. */
  get idle(): boolean {
    return this.#ledger.idle;
  }

  /** Number of deliveries that still have recipients without a transaction. */
  get waiting(): number {
    return this.#ledger.waiting;
  }

  /** Number of messages that the server has answered completely. */
  get answered(): number {
    return this.#ledger.answered;
  }

  /**
   * Number of messages that this session still accepts, by MAILMAX (RFC 9422), a learned limit, or refusals in a row;
   * Infinity when no limit is known.
   */
  get mailsLeft(): number {
    return this.#ledger.mailsLeft;
  }

  /** The transcript outside of messages. */
  get transcript(): readonly TranscriptEntry[] {
    return this.#setup.snapshot();
  }

  /**
   * Queues a message; one event with the returned id reports its outcome.
   *
   * @param content  All octets, or undefined to provide them by `provideContent` after `content-wanted`.
   * @param sevenBitContent  The same message in 7-bit encodings, for servers without 8BITMIME.
   * @throws {SmtpError} MB_SMTP_ADDRESS, MB_SMTP_PARAMETER, MB_SMTP_CONNECTION_CLOSED
   */
  submit(envelope: Envelope, content?: Uint8Array, sevenBitContent?: Uint8Array): number {
    if (this.#state === 'closed' || this.#state === 'quitting') {
      throw misuse('MB_SMTP_CONNECTION_CLOSED', 'This session is over; open another connection.', 'idle');
    }
    const checked = checkEnvelope(envelope);
    for (const octets of [content, sevenBitContent])
      checkType(octets === undefined || octets instanceof Uint8Array, 'submit: content', 'a Uint8Array');
    const id = this.#nextId++;
    const contents = { whole: wholeContent(content), sevenBit: wholeContent(sevenBitContent) };
    const transcript = new Transcript(this.#limits.transcriptEntries, this.#options.onTranscript);
    this.#ledger.add(new Delivery(id, checked, contents, transcript));
    return id;
  }

  /** Octets from the server. */
  receive(octets: Uint8Array, now: number): void {
    checkType(octets instanceof Uint8Array, 'receive: octets', 'a Uint8Array');
    this.#now = now;
    if (this.#state === 'closed') return;
    // RFC 3207 §4.2, CVE-2011-0411: clear text after the 220 is an attack or a defect.
    if (this.#state === 'handshake') {
      this.#end('lost', injected());
      return;
    }
    this.#tlsPending = false;
    this.#parser.push(octets);
    while (!this.#over) {
      const reply = this.#parse();
      if (reply === undefined) return;
      this.#deadlines.replied(now);
      this.#onReply(reply, now);
    }
  }

  /** The server has closed its side, or the transport failed with `cause`. */
  receiveEof(now: number, cause?: unknown): void {
    this.#now = now;
    if (this.#state === 'closed') return;
    if (this.#state === 'quitting') {
      this.#end('lost');
      return;
    }
    this.#end('lost', this.#tlsPending ? handshakeFailed(cause) : connectionLost(this.#stage, cause));
  }

  /** The TLS handshake after `tls-required` is complete. */
  tlsEstablished(info: SessionTls, now: number): void {
    this.#now = now;
    const { verified, description, provisional } = readOptions(info, tlsStateOptions, 'tlsEstablished: info');
    if (this.#state !== 'handshake') return;
    this.#tls = { verified, description, provisional };
    this.#tlsPending = provisional === true;
    this.#deadlines.handshakeSince = undefined;
    // RFC 3207 §4.2: discard all that the server said before.
    this.#capabilities = undefined;
    this.#setup.note(now, `TLS: ${description}`);
    this.#step('tls-established');
    this.#sendHello('ehlo', now);
  }

  /**
   * Answers `auth-challenge`; undefined as the first response lets the server send the first message.
   * @throws {SmtpError} MB_SMTP_OPTION
   * @param secrets  Texts to mask when the server repeats them, in addition to the response.
   */
  authRespond(response: Uint8Array | undefined, now: number, secrets: readonly string[] = []): void {
    this.#now = now;
    checkType(
      response === undefined || response instanceof Uint8Array,
      'authRespond: response',
      'a Uint8Array or undefined',
    );
    if (!this.#authWaits) return;
    const { line, shown } = this.#auth!.write(response);
    if (response) this.#secrets.add(encodeBase64(response));
    for (const secret of secrets) {
      this.#secrets.add(secret);
      this.#secrets.add(encodeBase64(utf8.encode(secret)).replace(/={1,2}$/, ''));
    }
    this.#setup.command(now, shown);
    this.#command(line, 'auth');
  }

  /** Declines the mechanism of `auth-challenge`, so that the next one is tried. */
  authDecline(now: number): void {
    this.#now = now;
    if (!this.#authWaits) return;
    // The table has one way back from a mechanism, that of a refusal.
    this.#step('permanent');
    this.#chooseMechanism();
  }

  /** Answers `auth-succeeded`: the server has proved itself as the mechanism requires. */
  authConfirm(now: number): void {
    this.#now = now;
    if (this.#state === 'authenticated') this.#becomeReady();
  }

  get #authWaits(): boolean {
    return this.#state === 'auth' && this.#pipeline.length === 0 && this.#commands.length === 0;
  }

  /** Answers `content-wanted` with the next octets; the session may use them until they are transmitted. */
  provideContent(id: number, octets: Uint8Array, now: number): void {
    this.#now = now;
    checkType(octets instanceof Uint8Array, 'provideContent: octets', 'a Uint8Array');
    this.#sender.provideContent(id, octets);
  }

  /** Answers `content-wanted` with the end of the content. */
  endContent(id: number, now: number): void {
    this.#now = now;
    this.#sender.endContent(id);
  }

  /** Cancels a delivery. If it has begun, this ends the session. */
  cancel(id: number, error: SmtpError, now: number): void {
    this.#now = now;
    if (this.#ledger.cancel(id, error) === 'begun') this.fail(error, now);
  }

  /** Ends the session at once, because the transport or the handshake failed or the driver gives up. */
  fail(error: SmtpError, now: number): void {
    this.#now = now;
    if (this.#state !== 'closed') this.#end('lost', error);
  }

  /** Sends QUIT if no delivery is outstanding (RFC 5321 §4.1.1.10). The driver need not wait for the reply. */
  quit(now: number): void {
    this.#now = now;
    if (this.#state !== 'ready' || !this.#ledger.idle) return;
    this.#step('quit');
    this.#setup.command(now, 'QUIT');
    this.#command('QUIT', 'quit');
  }

  /** The next event; undefined when there is none. */
  next(): SessionEvent | undefined {
    return this.#events.shift();
  }

  /**
   * Octets to write to the transport in one write; undefined when there are none. Call `transmitted` for each block, in
   * order, when the transport has written it.
   */
  pollTransmit(now: number): Uint8Array | undefined {
    this.#now = now;
    if (this.#state === 'closed') return undefined;
    const taken = writeBlock(this.#fill);
    if (taken === undefined) return undefined;
    this.#given.push(taken.slab);
    this.#pipeline.nextBlock();
    this.#deadlines.blockGiven(now);
    return taken.octets;
  }

  /** Writes what may be written now; returns whether to send the block. */
  readonly #fill = (block: TransmitBlock): boolean => {
    for (let command = this.#commands.shift(); command !== undefined; command = this.#commands.shift()) {
      block.line(command.line);
      this.#pipeline.expect(command.stage);
    }
    if (this.#state === 'ready') this.#guard(() => this.#sender.fill(block, this.#now));
    return !this.#over;
  };

  /** The transport has written the oldest block from `pollTransmit`. */
  transmitted(now: number): void {
    this.#now = now;
    const slab = this.#given.shift();
    if (slab === undefined) return;
    if (this.#options.reuseBlocks) releaseSlab(slab);
    this.#deadlines.blockTaken(now, this.#pipeline.first);
  }

  /** The time at which to call `handleTimeout`; undefined while the session waits for nothing. */
  nextDeadline(): number | undefined {
    return this.#over ? undefined : this.#deadlines.next(this.#pipeline.first, this.#ledger.since);
  }

  /** Ends the session when its deadline has passed. */
  handleTimeout(now: number): void {
    this.#now = now;
    const deadline = this.nextDeadline();
    if (deadline === undefined || now < deadline) return;
    if (this.#state === 'quitting') {
      this.#end('lost');
      return;
    }
    this.#end('lost', this.#timeoutError(now));
  }

  get #over(): boolean {
    return this.#state === 'closed';
  }

  get #stage(): Stage {
    if (this.#state === 'handshake') return 'tls';
    if (this.#state === 'negotiating') return 'ehlo';
    const first = this.#pipeline.first ?? this.#commands[0];
    if (first !== undefined) return first.stage;
    return this.#ledger.writing?.writer === 'content' ? 'content' : 'idle';
  }

  #parse(): Reply | undefined {
    try {
      return this.#parser.next();
    } catch (error) {
      if (!SmtpError.isInstance(error)) throw error;
      this.#end('lost', error);
      return undefined;
    }
  }

  /** Runs the write or reply side; a broken invariant ends the session, not the process. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!SmtpError.isInstance(error)) throw error;
      this.#end('lost', error);
    }
  }

  #onReply(read: Reply, now: number): void {
    const expected = this.#pipeline.shift();
    const reply = this.#secrets.mask(read);
    if (expected?.transaction) {
      this.#guard(() => this.#receiver.reply(expected, reply, now));
      return;
    }
    this.#setup.reply(now, reply);
    if (expected === undefined) {
      this.#guard(() => this.#receiver.unsolicited(reply, now));
      return;
    }
    this.#onSessionReply(expected, reply, read, now);
  }

  /** Handles a reply outside of transactions. */
  #onSessionReply({ stage }: Expected, reply: Reply, read: Reply, now: number): void {
    const from = this.#state;
    const input = inputOf(reply);
    const to = nextSessionState(from, input);
    if (to === 'closed') {
      this.#end(input, from === 'quitting' ? undefined : setupRefused(stage, reply));
      return;
    }
    this.#step(input);
    switch (from) {
      case 'greeting':
        this.#sendHello('ehlo', now);
        return;
      case 'hello':
        if (input === 'not-implemented') {
          this.#sendHello('helo', now);
          return;
        }
        this.#negotiate(parseCapabilities(reply), now);
        return;
      case 'hello-fallback':
        this.#negotiate(parseCapabilities(reply, false), now);
        return;
      case 'starttls':
        if (this.#parser.pending) {
          this.#end('lost', injected());
          return;
        }
        this.#deadlines.handshakeSince = now;
        this.#events.push({ type: 'tls-required' });
        return;
      case 'auth':
        this.#onAuthReply(input, reply, read, now);
        return;
      default:
        return;
    }
  }

  #sendHello(stage: 'ehlo' | 'helo', now: number): void {
    const lmtp = this.#options.protocol === 'lmtp';
    // RFC 2033 §4.1: LMTP has no HELO.
    if (lmtp && stage === 'helo') {
      this.#end('lost', lmtpUnknown());
      return;
    }
    const line = `${lmtp ? 'LHLO' : stage.toUpperCase()} ${this.#options.hostname}`;
    this.#setup.command(now, line);
    this.#command(line, stage);
  }

  #negotiate(capabilities: Capabilities, now: number): void {
    this.#capabilities = capabilities;
    const { starttls } = this.#options;
    if (!this.#tls && starttls !== 'never') {
      if (capabilities.startTls) {
        this.#step('choose-starttls');
        this.#setup.command(now, 'STARTTLS');
        this.#command('STARTTLS', 'starttls');
        return;
      }
      if (starttls === 'required') {
        this.#end('lost', tlsNotOffered());
        return;
      }
    }
    const { authMechanisms, authRenewable } = this.#options;
    if (authMechanisms) {
      const names =
        typeof authMechanisms === 'function' ? authMechanisms(this.#tls?.verified === true) : authMechanisms;
      this.#auth = new AuthDialogue(names, authRenewable);
      this.#chooseMechanism();
      return;
    }
    this.#becomeReady();
  }

  #becomeReady(): void {
    this.#step('choose-ready');
    const capabilities = this.#capabilities!;
    this.#deadlines.setupSince = undefined;
    this.#start(capabilities);
    this.#events.push({ type: 'ready', capabilities });
  }

  /** Starts transactions with the capabilities of the server. */
  #start(offered: Capabilities): void {
    const { experience } = this;
    experience.offered(offered.limits);
    this.#window.pipelining = offered.pipelining;
    this.#ledger.start({
      offered,
      secure: this.#tls !== undefined,
      limits: this.#limits,
      chunking: this.#options.chunking,
      experience,
      learnedRecipients: undefined,
    });
    this.#sender.start(offered);
  }

  #chooseMechanism(): void {
    // RFC 4954 §4: send credentials only over TLS, and only to a server whose certificate was verified.
    if (!this.#tls?.verified && !this.#options.insecureAuth) {
      this.#end('lost', insecureAuth(this.#tls !== undefined));
      return;
    }
    const auth = this.#auth!;
    if (!auth.choose(this.#capabilities!.auth)) {
      this.#end('lost', authUnavailable(this.#capabilities!.auth, auth.refusal));
      return;
    }
    this.#beginMechanism();
  }

  #beginMechanism(refused?: Reply): void {
    const { mechanism } = this.#auth!;
    const offered = this.#capabilities!.auth;
    this.#step('choose-auth');
    this.#events.push({
      type: 'auth-challenge',
      mechanism,
      challenge: undefined,
      offered,
      ...(refused && { refused }),
    });
  }

  /** @param read  The reply without masks, since a challenge may contain what the client sent. */
  #onAuthReply(input: SessionInput, reply: Reply, read: Reply, now: number): void {
    const auth = this.#auth!;
    const { mechanism } = auth;
    if (input === 'positive') {
      this.#events.push({ type: 'auth-succeeded', mechanism, data: auth.readSuccess(read) });
    } else if (input !== 'intermediate') {
      const next = auth.refuse(reply);
      if (next === 'next') this.#chooseMechanism();
      else if (next === 'renew') this.#beginMechanism(reply);
      else this.#end('lost', authRefused(reply));
    } else {
      const delayed = auth.takeDelayed();
      const challenge = auth.read(read);
      const offered = this.#capabilities!.auth;
      if (delayed) this.authRespond(delayed, now);
      else if (challenge === undefined) this.#end('lost', badChallenge());
      else this.#events.push({ type: 'auth-challenge', mechanism, challenge, offered });
    }
  }

  #command(line: string, stage: ReplyStage): void {
    this.#commands.push({ line, stage });
  }

  #step(input: SessionInput): void {
    const next = nextSessionState(this.#state, input);
    if (next === undefined) throw internal(`The session in ${this.#state} cannot take ${input}`);
    this.#state = next;
  }

  #end(input: SessionInput, error?: SmtpError): void {
    if (this.#state === 'closed') return;
    const refused = this.#state === 'auth' ? this.#auth?.credentialRefusal : undefined;
    this.#step(input === 'lost' || nextSessionState(this.#state, input) !== 'closed' ? 'lost' : input);
    // If the server hangs up after a refusal, the refusal is the reason, not the attempt in progress.
    const reported = refused && endedByPeer(error) ? authRefused(refused) : error;
    if (reported) this.#setup.note(this.#now, reported.message);
    // After QUIT nothing can be lost, and creating an error costs more than the QUIT.
    if (reported || !this.#ledger.idle) this.#receiver.lost(reported ?? connectionLost('quit'), this.#now);
    this.#events.push(reported ? { type: 'closed', error: reported } : { type: 'closed' });
  }

  #timeoutError(now: number): SmtpError {
    const stage = this.#stage;
    const overall = this.#deadlines.overall(this.#pipeline.first, this.#ledger.since);
    if (overall !== undefined && now >= overall) return overallTimeout(stage, this.#state === 'ready');
    if (this.#state === 'handshake') {
      return handshakeTimeout();
    }
    if (this.#deadlines.blockLate(now)) {
      const text = 'The server stopped reading while octets were written; try again later.';
      return failure('MB_SMTP_WRITE_TIMEOUT', 'timeout', text, stage, 'session');
    }
    const text = `The server did not answer in time (${stage}); try again later.`;
    return failure(
      'MB_SMTP_REPLY_TIMEOUT',
      'timeout',
      text,
      stage,
      stage === 'greeting' ? 'host' : 'session',
    );
  }
}

/** The column of the SESSION table for a reply. */
function inputOf({ code }: Reply): SessionInput {
  if (code === 421) return 'service-closing';
  if (code < 300) return 'positive';
  if (code < 400) return 'intermediate';
  if (code < 500) return 'transient';
  return code === 500 || code === 502 || code === 504 ? 'not-implemented' : 'permanent';
}
