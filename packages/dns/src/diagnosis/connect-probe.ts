/** The result of connecting to port 25. */
export type ProbeResult = 'greeted' | 'silent' | 'refused' | 'unreachable' | 'timeout';

/** Connects to an address and port, waits for the first octets, and disconnects. */
export type ConnectProbe = (
  address: string,
  port: number,
  signal: AbortSignal | undefined,
) => Promise<ProbeResult>;
