import { type OptionWalk, optionCases } from '@mb/testkit/option-walk';
import { it } from 'vitest';
import * as postgres from './index.ts';
import { postgresStoreOptions } from './postgres-store.ts';

const walk: OptionWalk<typeof postgres> = {
  PostgresStore: [
    {
      valid: {
        limits: { maxConcurrency: 1, rates: [{ count: 1, perMs: 1000 }] },
        connection: { host: '127.0.0.1' },
        eventTypes: ['failed'],
        clock: { now: () => 0 },
      },
      table: postgresStoreOptions,
      // What pg takes, pg knows.
      opaque: ['connection', 'clock'],
      call: (options: never) => new postgres.PostgresStore(options),
    },
  ],
  schemaSql: 'none',
};

const cases = optionCases(postgres, walk, 'MB_BROKER_OPTION');
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());
