import type { RecipientOutcome } from './delivery/outcome.ts';
import { optionError } from './errors.ts';

/** What became of one message of a `sendMany()`. */
export type SentMessage<Input> = {
  /** The message as it was given. */
  readonly message: Input;
  /** Its place among those given, from 0. */
  readonly index: number;
} & (
  | { readonly outcomes: readonly RecipientOutcome[]; readonly error?: undefined }
  /** The message was invalid or could not be signed, and nothing of it was sent. */
  | { readonly outcomes?: undefined; readonly error: unknown }
);

/**
 * Sends messages as they come, `width` at once, and gives what became of each as soon as that is known. It takes no more
 * messages than it works on, so a long list is never in memory.
 *
 * @throws what the source of the messages throws, after everything that was under way; MB_BROKER_OPTION for anything
 *   that is not a source.
 */
export async function* sendEach<Input>(
  messages: AsyncIterable<Input> | Iterable<Input>,
  width: number,
  send: (message: Input) => Promise<readonly RecipientOutcome[]>,
): AsyncGenerator<SentMessage<Input>, void, undefined> {
  if (!isIterable(messages))
    throw optionError('sendMany: messages must be iterable, such as an array or a stream of messages.');
  const source =
    Symbol.asyncIterator in messages ? messages[Symbol.asyncIterator]() : messages[Symbol.iterator]();
  const running = new Map<number, Promise<SentMessage<Input>>>();
  let pulling: Promise<{ readonly next: IteratorResult<Input> }> | undefined;
  let failure: { readonly error: unknown } | undefined;
  let ended = false;
  let count = 0;
  const pull = async () => ({ next: await source.next() });
  const begin = async (message: Input, index: number): Promise<SentMessage<Input>> => {
    try {
      return { message, index, outcomes: await send(message) };
    } catch (error) {
      return { message, index, error };
    }
  };
  try {
    for (;;) {
      if (!ended && !pulling && running.size < width) pulling = pull();
      if (!pulling && running.size === 0) break;
      let done: { readonly next: IteratorResult<Input> } | SentMessage<Input>;
      try {
        done = await Promise.race([...(pulling ? [pulling] : []), ...running.values()]);
      } catch (error) {
        // Only the source can fail here.
        failure = { error };
        ended = true;
        pulling = undefined;
        continue;
      }
      if ('next' in done) {
        pulling = undefined;
        if (done.next.done) ended = true;
        else running.set(count, begin(done.next.value, count++));
      } else {
        running.delete(done.index);
        yield done;
      }
    }
    if (failure) throw failure.error;
  } finally {
    if (!ended) await source.return?.();
  }
}

function isIterable(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    !ArrayBuffer.isView(value) &&
    (Symbol.asyncIterator in value || Symbol.iterator in value)
  );
}
