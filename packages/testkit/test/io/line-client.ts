import { connect, type Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';

/** The plainest possible client: sends octets, waits for text. */
export class LineClient implements Disposable {
  received = '';
  /** Sizes of the pieces as they came in. */
  readonly pieces: number[] = [];
  ended = false;
  closed = false;
  error: Error | undefined;
  socket: Socket | TLSSocket;

  constructor(address: string, port: number) {
    this.socket = connect({ host: address, port, noDelay: true });
    this.#watch();
  }

  send(text: string | Uint8Array): this {
    this.socket.write(text);
    return this;
  }

  /** Waits until what came in since the last call ends with a whole reply of this code; gives it. */
  async expect(code: number): Promise<string> {
    await this.until(() => new RegExp(`^${code} .*\r\n$`, 'm').test(this.received));
    const text = this.received;
    this.received = '';
    return text;
  }

  async until(condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition(); waited += 2) {
      if (waited > 4_000) throw new Error(`Waited in vain for ${condition}; received ${this.received}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  async startTls(options: { ca?: string; servername?: string } = {}): Promise<TLSSocket> {
    const socket = this.socket;
    socket.removeAllListeners('data');
    const secure = tlsConnect({ socket, rejectUnauthorized: false, ...options });
    this.socket = secure;
    this.#watch();
    await this.until(() => this.closed || this.error !== undefined || secure.getCipher()?.name !== undefined);
    return secure;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  #watch(): void {
    this.socket.on('data', (octets: Buffer) => {
      this.received += octets.toString('latin1');
      this.pieces.push(octets.length);
    });
    this.socket.on('end', () => {
      this.ended = true;
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
    this.socket.on('error', (error) => {
      this.error = error;
    });
  }
}
