import { execFile } from 'node:child_process';

/** Longest time that a message to the supervisor may take, in milliseconds. */
const timeoutMs = 5000;

/**
 * Tells systemd how the service is, as sd_notify(3) says, by `systemd-notify`: Node has no datagrams on Unix sockets.
 * Without a supervisor that asks for it, it does nothing.
 */
export class Supervisor {
  readonly #onError: (error: unknown) => void;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  /**
   * The service is ready. From now on the watchdog is told that it is alive, as often as twice in the time that systemd
   * gives, while `isAlive` says so: a process whose event loop is stuck is restarted.
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
          this.#onError(new Error(`systemd was not told ${state}: ${error.message}`, { cause: error }));
      },
    );
    child.unref();
  }
}
