import { describe } from 'vitest';
import { MemoryStore } from '../../src/index.ts';
import { webhookDeliveryTests } from './delivery-tests.ts';

describe('WHK-06 WHK-30 WHK-07 WHK-08 WHK-09 WHK-10 WHK-11 WHK-22 WHK-12 WHK-23 WHK-89 WHK-13 WHK-24 WHK-14 WHK-15 WHK-25 WHK-16 WHK-26 WHK-17 the delivery of webhooks', () => {
  webhookDeliveryTests(async () => {
    const store = new MemoryStore();
    await store.open();
    return store;
  });
});
