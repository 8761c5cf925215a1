/** What the parser takes from one message; what is beyond is left out and reported as a defect. */
export interface ParseLimits {
  /** Levels of multiparts and of attached messages inside each other; default 32. */
  readonly maxDepth: number;
  /** Parts of one message; default 1,000. */
  readonly maxParts: number;
  /** Fields of one header; default 1,000. */
  readonly maxHeaderFields: number;
  /** Octets of one header; default 262,144. */
  readonly maxHeaderBytes: number;
  /** Octets of the message that `parseMessage` keeps in memory; default 134,217,728. */
  readonly maxMessageBytes: number;
}

/** The limits that hold where a caller gives none. */
export const DEFAULT_PARSE_LIMITS: ParseLimits = {
  maxDepth: 32,
  maxParts: 1000,
  maxHeaderFields: 1000,
  maxHeaderBytes: 262_144,
  maxMessageBytes: 134_217_728,
};
