import { SmtpError } from './errors.ts';

/** Message octets: an array, or a stream. */
export type Content = Uint8Array | AsyncIterable<Uint8Array>;

/** Reads streamed content, from the start again when a second transaction needs it. */
export class ContentReader {
  readonly #content: AsyncIterable<Uint8Array>;
  #iterator: AsyncIterator<Uint8Array> | undefined;
  #octets = 0;
  #total: number | undefined;

  constructor(content: AsyncIterable<Uint8Array>) {
    this.#content = content;
  }

  /**
   * Returns the next octets, or undefined at the end.
   * @throws {SmtpError} MB_SMTP_CONTENT_SOURCE, MB_SMTP_CONTENT_NOT_REPEATABLE
   */
  async read(restart: boolean): Promise<Uint8Array | undefined> {
    if (restart) await this.#restart();
    for (;;) {
      const step = await this.#next();
      if (step.done) {
        this.#finish();
        return undefined;
      }
      if (!(step.value instanceof Uint8Array)) {
        throw source('The content must be an array of octets or an async iterable of them.', undefined);
      }
      this.#octets += step.value.length;
      if (step.value.length > 0) return step.value;
    }
  }

  /** Releases the source, even a stream that was never read, which may hold a file open. */
  async release(): Promise<void> {
    await this.#close();
    const { destroy } = this.#content as { destroy?: unknown };
    if (typeof destroy === 'function') destroy.call(this.#content);
  }

  async #close(): Promise<void> {
    const iterator = this.#iterator;
    this.#iterator = undefined;
    try {
      await iterator?.return?.();
    } catch {
      // The content is no longer needed, so an error of its source has no consequence.
    }
  }

  async #restart(): Promise<void> {
    const again = this.#iterator !== undefined || this.#total !== undefined;
    if (again && !isRepeatable(this.#content)) throw notRepeatable();
    await this.#close();
    this.#iterator = this.#content[Symbol.asyncIterator]();
    this.#octets = 0;
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#iterator!.next();
    } catch (cause) {
      throw source('The source of the content failed; the message was abandoned before its end.', cause);
    }
  }

  #finish(): void {
    if (this.#total !== undefined && this.#total !== this.#octets) throw notRepeatable();
    this.#total = this.#octets;
  }
}

/** Whether content can be read several times: generators and streams cannot, other iterables can. */
function isRepeatable(content: AsyncIterable<Uint8Array>): boolean {
  const isStream = typeof (content as { pipe?: unknown }).pipe === 'function' || 'getReader' in content;
  return !isStream && (content[Symbol.asyncIterator]() as unknown) !== content;
}

function source(message: string, cause: unknown): SmtpError {
  const fields = {
    code: 'MB_SMTP_CONTENT_SOURCE',
    kind: 'api-misuse',
    scope: 'message',
    stage: 'content',
  } as const;
  return new SmtpError(message, { ...fields, retryable: true, cause });
}

function notRepeatable(): SmtpError {
  return new SmtpError(
    'The message needs a second transaction and its content can be read only once; give an array or a repeatable iterable.',
    {
      code: 'MB_SMTP_CONTENT_NOT_REPEATABLE',
      kind: 'api-misuse',
      scope: 'message',
      stage: 'content',
      retryable: true,
    },
  );
}
