import type { Message } from '@mb/mime';
import { BrokerError, optionError } from '../errors.ts';
import { isReady } from './outgoing-message.ts';
import type { ReadyMessage } from './ready-message.ts';

/** What a template engine makes of a message. */
export type RenderedParts = Pick<Message, 'subject' | 'text' | 'html' | 'attachments'>;

/**
 * Makes parts of a message, with any template engine; called once, before anything is accepted or sent.
 *
 * @example
 * await broker.enqueue({ from, to, subject: 'Welcome' }, {
 *   render: async () => ({ html: await engine.render('welcome', { name }) }),
 * });
 */
export type RenderParts = () => RenderedParts | Promise<RenderedParts>;

const parts = ['subject', 'text', 'html', 'attachments'];

/** Adds rendered parts to a message. @throws {BrokerError} MB_BROKER_RENDER_FAILED, MB_BROKER_OPTION */
export async function renderMessage(
  message: Message | ReadyMessage,
  render: RenderParts | undefined,
): Promise<Message | ReadyMessage> {
  // An async function would wait for it, and so take what was not meant to be a message.
  if (typeof (message as { then?: unknown } | null | undefined)?.then === 'function') {
    throw optionError('The message is a promise; await it first.');
  }
  if (render === undefined) return message;
  if (typeof message === 'object' && message !== null && isReady(message)) {
    throw optionError('render cannot be used with a message that is ready.');
  }
  let rendered: RenderedParts;
  try {
    rendered = await render();
  } catch (cause) {
    if (BrokerError.isInstance(cause)) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new BrokerError(
      'MB_BROKER_RENDER_FAILED',
      'invalid-input',
      `The message cannot be rendered: ${reason}`,
      { cause },
    );
  }
  if (typeof rendered !== 'object' || rendered === null) {
    throw optionError('render must return an object such as { html, text }.');
  }
  // A value that is undefined counts as not given.
  const given = Object.entries(rendered).filter(([, value]) => value !== undefined);
  const other = Object.keys(rendered).find((key) => !parts.includes(key));
  if (other !== undefined) {
    const name = JSON.stringify(other.slice(0, 40));
    throw optionError(`render must not return ${name}, only ${parts.join(', ')}.`);
  }
  return { ...message, ...Object.fromEntries(given) };
}
