import { integer, type OptionTable } from './argument.ts';

/** Limits of the parser for one message; anything beyond them is left out and reported as a defect. */
export interface ParseLimits {
  /** Maximum nesting of multiparts and, separately, of attached messages, up to 200; default 32. */
  readonly maxDepth: number;
  /** Maximum number of parts in a message; default 10,000. */
  readonly maxParts: number;
  /** Maximum number of fields in a header; default 10,000. */
  readonly maxHeaderFields: number;
  /** Maximum number of octets in a header; default 4,194,304, enough for 10,000 recipients. */
  readonly maxHeaderBytes: number;
  /** Maximum number of octets that `parseMessage` keeps in memory; default 134,217,728. */
  readonly maxMessageBytes: number;
}

/** The default limits. */
export const DEFAULT_PARSE_LIMITS: ParseLimits = {
  maxDepth: 32,
  maxParts: 10_000,
  maxHeaderFields: 10_000,
  maxHeaderBytes: 4_194_304,
  maxMessageBytes: 134_217_728,
};

/** Parts are visited recursively: more levels than this could exhaust the stack. */
const MAX_DEPTH = 200;

/** The checks of {@link ParseLimits}. */
export const parseLimits = {
  maxDepth: /* @__PURE__ */ integer(0, MAX_DEPTH),
  maxParts: /* @__PURE__ */ integer(0),
  maxHeaderFields: /* @__PURE__ */ integer(0),
  maxHeaderBytes: /* @__PURE__ */ integer(0),
  maxMessageBytes: /* @__PURE__ */ integer(0),
} satisfies OptionTable<ParseLimits>;
