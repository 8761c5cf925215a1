import { MimeError, refuseUnknownKeys, wordSet } from './errors.ts';

/** What the parser takes from one message; what is beyond is left out and reported as a defect. */
export interface ParseLimits {
  /** Levels of multiparts and of attached messages inside each other; default 32. */
  readonly maxDepth: number;
  /** Parts of one message; default 10,000. */
  readonly maxParts: number;
  /** Fields of one header; default 10,000. */
  readonly maxHeaderFields: number;
  /** Octets of one header; default 4,194,304, which 10,000 recipients need. */
  readonly maxHeaderBytes: number;
  /** Octets of the message that `parseMessage` keeps in memory; default 134,217,728. */
  readonly maxMessageBytes: number;
}

/** The limits that hold where a caller gives none. */
export const DEFAULT_PARSE_LIMITS: ParseLimits = {
  maxDepth: 32,
  maxParts: 10_000,
  maxHeaderFields: 10_000,
  maxHeaderBytes: 4_194_304,
  maxMessageBytes: 134_217_728,
};

const LIMIT_KEYS = /* @__PURE__ */ wordSet(
  'maxDepth maxParts maxHeaderFields maxHeaderBytes maxMessageBytes',
);

/** Parts are visited recursively: more levels than this could exhaust the stack. */
const MAX_DEPTH = 200;

/**
 * The limits that a caller gave, and the default for each other one.
 *
 * @throws {MimeError} MB_MIME_OPTION for unknown limits and for what is no whole number.
 */
export function resolveLimits(given: Partial<ParseLimits> = {}): ParseLimits {
  refuseUnknownKeys(given, LIMIT_KEYS, 'The limits of the parser');
  const limits = { ...DEFAULT_PARSE_LIMITS, ...given };
  for (const [name, value] of Object.entries(limits)) {
    if (!(Number.isSafeInteger(value) && value >= 0) || (name === 'maxDepth' && value > MAX_DEPTH)) {
      throw new MimeError(
        'MB_MIME_OPTION',
        `The limit ${name} is a whole number; maxDepth is at most ${MAX_DEPTH}.`,
      );
    }
  }
  return limits;
}
