import { Worker } from 'node:worker_threads';

/** How long to wait for readers of an old state, during which no other connection can write; milliseconds. */
const patienceMs = 20;

/**
 * The code of the worker thread, as text so that it needs no file beside the bundle. A passive checkpoint, which blocks
 * no writer, copies most pages; the second one copies what was written meanwhile, and lets the log begin again.
 */
const code = `
const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
// The main thread has already printed the warning of older releases of Node that SQLite is experimental.
process.removeAllListeners('warning');
const { DatabaseSync } = process.getBuiltinModule('node:sqlite');
const db = new DatabaseSync(workerData.path, { timeout: workerData.patienceMs });
db.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = NORMAL');
parentPort.on('message', (task) => {
  let failure;
  try {
    if (task === 'close') {
      db.close();
      parentPort.close();
      return;
    }
    for (const mode of ['PASSIVE', 'RESTART']) db.exec('PRAGMA wal_checkpoint(' + mode + ')');
  } catch (error) {
    failure = error;
  }
  parentPort.postMessage(failure);
});
`;

/**
 * Copies the write-ahead log of a queue file into the file (a checkpoint), in a thread of its own, because it copies
 * and flushes tens of megabytes. The thread starts with the first checkpoint, which small queues never need.
 */
export class Checkpointer {
  readonly #path: string;
  readonly #onError: (error: unknown) => void;
  #worker: Worker | undefined;
  #busy = false;
  #whenDone: (() => void) | undefined;

  /** @param onError Called with the error of each checkpoint that failed. */
  constructor(path: string, onError: (error: unknown) => void) {
    this.#path = path;
    this.#onError = onError;
  }

  /** Whether a checkpoint is under way. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Begins a checkpoint. */
  run(): void {
    this.#busy = true;
    this.#worker ??= this.#start();
    this.#worker.postMessage('checkpoint');
  }

  /** Resolves when no checkpoint is under way and the thread has closed the file. */
  async close(): Promise<void> {
    if (this.#busy) {
      await new Promise<void>((resolve) => {
        this.#whenDone = resolve;
      });
    }
    const worker = this.#worker;
    if (!worker) return;
    this.#worker = undefined;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage('close');
    await ended;
  }

  #start(): Worker {
    const worker = new Worker(code, {
      eval: true,
      execArgv: [],
      name: 'mb-checkpoint',
      workerData: { path: this.#path, patienceMs },
    });
    // The thread does not keep the process alive; the next process continues with the log as it is.
    worker.unref();
    worker.on('message', (failure: unknown) => this.#done(failure));
    worker.on('error', (error) => {
      this.#worker = undefined;
      this.#done(error);
    });
    return worker;
  }

  #done(failure: unknown): void {
    this.#busy = false;
    if (failure !== undefined) this.#onError(failure);
    this.#whenDone?.();
  }
}
