import { type MethodWalk, methodCases, type OptionWalk, optionCases } from '@mb/testkit/option-walk';
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

const selector = 'SAFE-01';
const port = 'the port of stores: the broker has checked what it passes on';
const records = 'the conformance suite of records';
const methods: MethodWalk<typeof postgres> = {
  'PostgresStore.hold': selector,
  'PostgresStore.release': selector,
  'PostgresStore.cancel': selector,
  'PostgresStore.list': selector,
  'PostgresStore.count': selector,
  'PostgresStore.stage': port,
  'PostgresStore.accept': port,
  'PostgresStore.claim': port,
  'PostgresStore.claimSites': port,
  'PostgresStore.claimOverdue': port,
  'PostgresStore.settle': port,
  'PostgresStore.setSite': port,
  'PostgresStore.reschedule': port,
  'PostgresStore.listMessages': port,
  'PostgresStore.messageEvents': port,
  'PostgresStore.listSuppressed': port,
  // Refused before a connection is needed.
  'PostgresStore.purge': [
    {
      valid: {},
      table: {},
      call: (options: never) =>
        new postgres.PostgresStore({ connection: { host: '127.0.0.1' } }).purge(options),
    },
  ],
  'PostgresStore.records.list': records,
  'PostgresStore.records.put': records,
  'PostgresStore.records.delete': records,
};

const cases = [
  ...optionCases(postgres, walk, 'MB_BROKER_OPTION'),
  ...methodCases<typeof postgres>(methods, 'MB_BROKER_OPTION'),
];
it.each(cases)('OPT-04 OPT-11 $name', ({ check }) => check());
