/** What the processes of a row that delivers from PostgreSQL share. */

/** Messages that are accepted durably by one process and delivered by others. */
export interface DeliverTask {
  readonly count: number;
  /** Processes that deliver. */
  readonly workers: number;
  /** One is a relay, which takes ten connections; of several each takes two. */
  readonly destinations: number;
}

/** What a delivering process is told; travels as the only argument, as JSON. */
export interface DeliverOrder extends DeliverTask {
  readonly engine: 'ours' | 'boss';
  readonly url: string;
  /** The port of the sink, at each destination's address. */
  readonly port: number;
}

export const schemaOf = { ours: 'ours', boss: 'boss' } as const;
export const bossQueue = 'mail';

/** A job of pg-boss: jsonb has neither octets nor NUL. */
export interface MailJob {
  readonly destination: number;
  readonly address: string;
  /** Base64. */
  readonly content: string;
}

/** Connections that a destination takes at a time, from all processes together. */
export function connectionsOf({ destinations }: DeliverTask): number {
  return destinations === 1 ? 10 : 2;
}

export function domainOfDestination(destination: number): string {
  return `d${destination}.example.net`;
}

export function hostOf(destination: number): string {
  return `127.1.0.${destination + 1}`;
}

/** The relay of each destination's domain. */
export function routesOf({ destinations, port }: DeliverOrder) {
  return Object.fromEntries(
    Array.from({ length: destinations }, (_, at) => [
      domainOfDestination(at),
      { type: 'smarthost', host: `[${hostOf(at)}]`, port, tls: 'none' } as const,
    ]),
  );
}
