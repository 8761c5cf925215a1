import { misuse, type Reply, SmtpError } from '../errors.ts';
import { saslMechanisms } from '../protocol/sasl/choose.ts';
import type {
  CredentialSource,
  Credentials,
  SaslChannel,
  SaslExchange,
  SaslMechanism,
} from '../protocol/sasl/mechanism.ts';
import { unproven } from '../protocol/sasl/scram.ts';
import type { SessionEvent } from '../protocol/session/events.ts';
import type { SmtpSession } from '../protocol/session/session.ts';

/** Credentials and mechanisms for AUTH. */
export interface Authentication {
  readonly credentials: Credentials | undefined;
  /** Gives other credentials after a refusal. */
  readonly source: CredentialSource | undefined;
  /** Mechanisms of the caller, by name. */
  readonly own: ReadonlyMap<string, SaslMechanism>;
}

/** Runs SASL mechanisms for a session. */
export class Authenticator {
  readonly #authentication: Authentication;
  readonly #server: { readonly host: string; readonly port: number };
  #credentials: Credentials | undefined;
  #exchange: SaslExchange | undefined;

  constructor(authentication: Authentication, server: { readonly host: string; readonly port: number }) {
    this.#authentication = authentication;
    this.#server = server;
    this.#credentials = authentication.credentials;
  }

  /**
   * Answers a step of AUTH.
   *
   * @throws {SmtpError} MB_SMTP_AUTH_SERVER_UNPROVEN, MB_SMTP_CREDENTIALS, or what a mechanism throws
   */
  async answer(
    session: SmtpSession,
    { mechanism, challenge, offered, refused }: Extract<SessionEvent, { type: 'auth-challenge' }>,
    channel: () => SaslChannel,
    now: () => number,
  ): Promise<void> {
    if (challenge !== undefined) {
      const response = await this.#exchange!.respond(challenge);
      session.authRespond(response, now(), this.#secrets);
      return;
    }
    const { source } = this.#authentication;
    if (refused && source) this.#credentials = await askCredentials(source, refused);
    const { nodeSaslCrypto: crypto } = await import('./sasl-crypto.ts');
    const { own } = this.#authentication;
    const implementation = own.get(mechanism) ?? saslMechanisms[mechanism as keyof typeof saslMechanisms];
    const credentials = this.#credentials;
    const context = { credentials, ...this.#server, offered, channel: channel(), crypto };
    this.#exchange = await implementation.begin(context);
    if (this.#exchange === undefined) session.authDecline(now());
    else session.authRespond(await this.#exchange.start(), now(), this.#secrets);
  }

  /** After 235: checks that the server has proved itself, if the mechanism requires it. @throws {SmtpError} */
  async confirm(
    session: SmtpSession,
    { data }: Extract<SessionEvent, { type: 'auth-succeeded' }>,
    now: () => number,
  ): Promise<void> {
    const exchange = this.#exchange!;
    if (!exchange.complete && data) await exchange.respond(data);
    // RFC 5802 §5: without the server's signature its 235 proves nothing.
    if (!exchange.complete)
      throw unproven('The server accepted the credentials without proving that it knows them');
    session.authConfirm(now());
  }

  get #secrets(): string[] {
    const credentials = this.#credentials;
    if (credentials === undefined) return [];
    return ['accessToken' in credentials ? credentials.accessToken : credentials.password];
  }
}

/**
 * Calls the caller's function for credentials.
 *
 * @throws {SmtpError} MB_SMTP_CREDENTIALS when it fails, MB_SMTP_OPTION when it returns something else.
 */
export async function askCredentials(source: CredentialSource, refused?: Reply): Promise<Credentials> {
  let credentials: Credentials;
  try {
    credentials = await source(refused ? { refused } : {});
  } catch (cause) {
    if (SmtpError.isInstance(cause)) throw cause;
    throw new SmtpError('The function for credentials failed; see the cause.', {
      code: 'MB_SMTP_CREDENTIALS',
      kind: 'local',
      scope: 'host',
      stage: 'auth',
      retryable: true,
      cause,
    });
  }
  checkCredentials(credentials, 'credentials');
  return credentials;
}

/** Checks credentials. @throws {SmtpError} MB_SMTP_OPTION */
export function checkCredentials(given: unknown, name: string): asserts given is Credentials {
  const { user, password, accessToken } = (given ?? {}) as Partial<Record<string, unknown>>;
  if ((password === undefined) === (accessToken === undefined)) {
    throw misuse('MB_SMTP_OPTION', `${name} must have either a password or an accessToken.`);
  }
  for (const value of [user, password ?? accessToken]) {
    // RFC 4616 §2: NUL separates the parts. No other control characters are allowed either.
    if (typeof value !== 'string' || value === '' || /[\u0000-\u001f\u007f]/.test(value)) {
      throw misuse('MB_SMTP_OPTION', `${name}: user and secret must be strings without control characters.`);
    }
  }
}
