import { ContentSource } from './content-source.ts';
import { DotStuffer } from './dot-stuffer.ts';

/** The position in the content of a transaction; only ContentWriter changes it. */
export class ContentCursor {
  readonly #mode: 'data' | 'bdat';
  #stuffer: DotStuffer | undefined;
  #source: ContentSource | undefined;
  /** Octets of whole content written. */
  offset = 0;
  /** Dots of whole content that were stuffed. */
  dotsPassed = 0;
  /** Octets of streamed content written, without added dots. */
  sent = 0;
  /** Octets left of the chunk whose BDAT was written. */
  chunkLeft = 0;
  chunkLast = false;
  /** BDAT was written and its chunk is not complete. */
  chunkBegun = false;

  constructor(mode: 'data' | 'bdat') {
    this.#mode = mode;
  }

  /** Converts line ends to CRLF and, for DATA, stuffs dots. */
  get stuffer(): DotStuffer {
    this.#stuffer ??= new DotStuffer(this.#mode === 'data');
    return this.#stuffer;
  }

  /** Octets of streamed content. */
  get source(): ContentSource {
    this.#source ??= new ContentSource();
    return this.#source;
  }
}
