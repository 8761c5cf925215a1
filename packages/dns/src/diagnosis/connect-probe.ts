/** What one attempt to reach port 25 gave. */
export type ProbeResult = 'greeted' | 'silent' | 'refused' | 'unreachable' | 'timeout';

/** Connects to an address and port, waits for the first octets, and lets go. */
export type ConnectProbe = (
  address: string,
  port: number,
  signal: AbortSignal | undefined,
) => Promise<ProbeResult>;
