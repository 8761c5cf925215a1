import { BrokerError, type EnqueueOptions, type MailQueue } from '@mb/broker';
import type { MergedRow } from './merged-message.ts';
import type { RowSender, WriteResult } from './row-sender.ts';

/** Queues rows, each with its own idempotency key, so that a row is queued only once, even after a killed run. */
export class QueueSender implements RowSender {
  readonly #queue: MailQueue;
  readonly #options: EnqueueOptions;
  readonly #runId: string;
  readonly #write: WriteResult;
  readonly #open = new Set<Promise<void>>();

  constructor(queue: MailQueue, options: EnqueueOptions, runId: string, write: WriteResult) {
    this.#queue = queue;
    this.#options = options;
    this.#runId = runId;
    this.#write = write;
  }

  send(row: MergedRow): Promise<void> {
    const sent: Promise<void> = this.#enqueue(row).finally(() => this.#open.delete(sent));
    this.#open.add(sent);
    return sent;
  }

  async stop(): Promise<void> {
    await Promise.allSettled(this.#open);
  }

  async #enqueue({ row, address, message }: MergedRow): Promise<void> {
    await this.#write({ row, address, status: 'offered' });
    try {
      const idempotencyKey = `${this.#runId}:${row}`;
      const { id, recipients } = await this.#queue.enqueue(message, { ...this.#options, idempotencyKey });
      const [outcome] = recipients;
      if (outcome?.status === 'failed') {
        const { category, enhanced, reason } = outcome;
        await this.#write({ row, address, status: 'failed', category, enhanced, reason });
      } else await this.#write({ row, address, status: 'queued', ...(id !== undefined && { queueId: id }) });
    } catch (error) {
      if (!BrokerError.isInstance(error) || error.code !== 'MB_BROKER_IDEMPOTENCY_CONFLICT') throw error;
      // A killed run has queued the row, and the message was changed since.
      const reason = 'An earlier run queued it, with the message as it was then.';
      await this.#write({ row, address, status: 'queued', reason });
    }
  }
}
