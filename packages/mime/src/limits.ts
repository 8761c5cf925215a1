import { integer, type OptionTable } from './argument.ts';

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

/** Parts are visited recursively: more levels than this could exhaust the stack. */
const MAX_DEPTH = 200;

/** What {@link ParseLimits} accept. */
export const parseLimits = {
  maxDepth: /* @__PURE__ */ integer(0, MAX_DEPTH),
  maxParts: /* @__PURE__ */ integer(0),
  maxHeaderFields: /* @__PURE__ */ integer(0),
  maxHeaderBytes: /* @__PURE__ */ integer(0),
  maxMessageBytes: /* @__PURE__ */ integer(0),
} satisfies OptionTable<ParseLimits>;
