/** One message on its way to one server; nothing happens after `close`. */
export interface Link {
  close(): void;
}

/** What a link reports, each as often as it happens until it is closed. */
export interface LinkEvents {
  onMessage(octets: Uint8Array): void;
  /** One sentence. */
  onFailure(why: string): void;
}
