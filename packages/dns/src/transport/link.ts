/** A query to a server. After `close` it reports nothing. */
export interface Link {
  close(): void;
}

/** Events of a link; each may occur several times until the link is closed. */
export interface LinkEvents {
  onMessage(octets: Uint8Array): void;
  /** @param why  One sentence. */
  onFailure(why: string): void;
}
