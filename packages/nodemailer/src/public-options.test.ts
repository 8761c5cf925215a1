import { type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { it } from 'vitest';
import { convertOptions } from './from-nodemailer.ts';
import * as bridge from './index.ts';
import { transportOptions } from './transport.ts';

const message = { from: 'ann@sender.test', to: 'bob@one.test', text: 'x' };
const broker = {
  send: async () => [],
  enqueue: async () => ({ duplicate: false, recipients: [], warnings: [] }),
};

const walk: OptionWalk<typeof bridge> = {
  mbTransport: [
    {
      valid: { broker },
      table: transportOptions,
      call: (options) => bridge.mbTransport(options),
      opaque: ['broker'],
    },
  ],
  fromNodemailer: [
    {
      valid: { urls: {} },
      table: convertOptions,
      call: (options) => bridge.fromNodemailer(message, options),
    },
  ],
  NodemailerBridgeError: 'none',
};

const cases = optionCases(bridge, walk, 'MB_NODEMAILER_OPTION');
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());
