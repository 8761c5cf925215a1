import { BrokerError } from '@mb/broker';
import { MimeError } from '@mb/mime';
import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';

/** One wrong place in a request. */
export interface WrongPlace {
  /** JSON Pointer (RFC 6901) into the body, or the name of a parameter. */
  readonly path: string;
  readonly message: string;
}

interface ProblemOptions {
  readonly errors?: readonly WrongPlace[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly cause?: unknown;
}

/** A request that cannot be answered as asked (RFC 9457). */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly status: number;
  /** Ours or the broker's; clients match on it. */
  readonly code: string;
  readonly errors: readonly WrongPlace[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, code: string, detail: string, options: ProblemOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.code = code;
    this.errors = options.errors ?? [];
    this.headers = options.headers ?? {};
  }

  /** The response: `application/problem+json` (RFC 9457 §3). */
  toResponse(): Response {
    const body = {
      type: `urn:mb:problem:${this.code}`,
      title: titles[this.status] ?? 'Error',
      status: this.status,
      detail: this.message,
      code: this.code,
      ...(this.errors.length > 0 && { errors: this.errors }),
    };
    return new Response(JSON.stringify(body), {
      status: this.status,
      headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...this.headers },
    });
  }
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

/** Statuses of the errors of the broker that are not about the client's input. */
const brokerStatuses: Readonly<Partial<Record<BrokerError['code'], number>>> = {
  MB_BROKER_NOT_FOUND: 404,
  MB_BROKER_RECORD_CONFLICT: 409,
  MB_BROKER_DOMAIN_TAKEN: 409,
  MB_BROKER_DOMAIN_KEY: 409,
  MB_BROKER_MASTER_KEY: 409,
  MB_BROKER_KEY_SERVICE: 503,
  MB_BROKER_MESSAGE_TOO_LARGE: 413,
  MB_BROKER_SENDER: 403,
  MB_BROKER_CONTENT_FAILED: 400,
};

const retryAfterSeconds = '5';

/** The problem that an exception is for the client; an unknown exception is a 500 without details. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof HTTPException) return problemOfHttp(error);
  if (MimeError.isInstance(error) && isInput(error)) {
    return new Problem(422, error.code, error.message, { errors: placesOf(error), cause: error });
  }
  if (BrokerError.isInstance(error)) return problemOfBroker(error);
  return new Problem(500, 'MB_SERVER_INTERNAL', 'The server failed. The request may be repeated.', {
    cause: error,
  });
}

/** An error about the message is of either kind; a wrong option without a field is a defect of the server. */
function isInput({ field, code }: MimeError): boolean {
  return field !== undefined || code !== 'MB_MIME_OPTION';
}

function problemOfBroker(error: BrokerError): Problem {
  const { code, message } = error;
  // A client cannot mend the store, and must not learn where it is.
  if (code.startsWith('MB_BROKER_STORE_') || code === 'MB_BROKER_SPOOL') {
    return new Problem(503, code, 'The queue cannot be used just now. Nothing was accepted; try again.', {
      headers: { 'retry-after': retryAfterSeconds },
      cause: error,
    });
  }
  const status = brokerStatuses[code] ?? (code === 'MB_BROKER_MESSAGE_CORRUPT' ? 500 : 422);
  const headers = status === 503 ? { 'retry-after': retryAfterSeconds } : {};
  return new Problem(status, code, message, { errors: placesOf(error), headers, cause: error });
}

function problemOfHttp(error: HTTPException): Problem {
  const code = error.status === 400 ? 'MB_SERVER_JSON' : 'MB_SERVER_HTTP';
  return new Problem(error.status, code, error.message || (titles[error.status] ?? 'The request failed.'));
}

function placesOf({ field, index, message }: MimeError | BrokerError): WrongPlace[] {
  if (field === undefined) return [];
  const path = `/${field.replaceAll('.', '/')}${index === undefined ? '' : `/${index}`}`;
  return [{ path, message }];
}

/** The part of zod's issues that is used here. */
interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

/** A failed check of a schema, as a problem. */
export function problemOfSchema(issues: readonly Issue[], target: string): Problem {
  const errors = issues.flatMap((issue) => placesOfIssue(issue, target));
  const [first] = errors;
  const where = first && first.path !== '/' && first.path !== '' ? `${first.path}: ` : '';
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new Problem(
    422,
    'MB_SERVER_SCHEMA',
    `${where}${first?.message ?? 'The request is not valid.'}${more}`,
    {
      errors,
    },
  );
}

function placesOfIssue({ code, path, message, keys }: Issue, target: string): WrongPlace[] {
  const at = (place: readonly PropertyKey[]) =>
    target === 'json' ? `/${place.map(pointer).join('/')}` : place.map(String).join('.');
  if (code !== 'unrecognized_keys' || !keys) return [{ path: at(path), message }];
  // A line for each unknown field; the schema may suggest the field that was meant.
  const lines = message.split('\n');
  return keys.map((key, index) => ({
    path: at([...path, key]),
    message: lines.length === keys.length ? lines[index]! : 'There is no such field.',
  }));
}

function pointer(key: PropertyKey): string {
  return String(key).replaceAll('~', '~0').replaceAll('/', '~1');
}

/** Answers an exception, and passes the server's own faults to `onError`. */
export function answerError(error: unknown, context: Context, onError: (error: unknown) => void): Response {
  const problem = problemOf(error);
  if (problem.status >= 500 && !context.req.raw.signal.aborted) onError(problem.cause ?? problem);
  return problem.toResponse();
}
