import { execFile } from 'node:child_process';

/** Timeout of a message to the supervisor. */
const timeoutMs = 5000;

/**
 * Reports the state of the service to systemd (sd_notify(3)), by the command `systemd-notify`, since Node has no Unix
 * datagram sockets. Does nothing without NOTIFY_SOCKET.
 */
export class Supervisor {
  readonly #onError: (error: unknown) => void;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /**
   * Reports that the service is ready. While `isAlive` resolves to true, it also notifies the watchdog twice per period,
   * so that systemd restarts a process whose event loop hangs.
   */
  ready(isAlive: () => Promise<boolean>): void {
    this.#tell('READY=1');
    const period = Number(process.env.WATCHDOG_USEC) / 1000;
    if (!(period > 0)) return;
    this.#watchdog = setInterval(async () => {
      try {
        if (await isAlive()) this.#tell('WATCHDOG=1');
      } catch (error) {
        this.#onError(error);
      }
    }, period / 2);
    this.#watchdog.unref();
  }

  stopping(): void {
    this.#tell('STOPPING=1');
  }

  close(): void {
    clearInterval(this.#watchdog);
  }

  #tell(state: string): void {
    if (process.env.NOTIFY_SOCKET === undefined) return;
    const child = execFile(
      'systemd-notify',
      [`--pid=${process.pid}`, state],
      { timeout: timeoutMs },
      (error) => {
        if (error)
          this.#onError(new Error(`systemd-notify ${state} failed: ${error.message}`, { cause: error }));
      },
    );
    child.unref();
  }
}
