import { expect, it } from 'vitest';
import { ScanFloor } from './scan-floor.ts';

it('goes back when a full scan found something below, whatever a partial scan reports meanwhile', () => {
  const floor = new ScanFloor();
  expect(floor.next()).toBe(0);
  floor.saw(0, 100);
  const above = floor.next();
  expect(above).toBe(100);
  floor.saw(above, 200);
  expect(floor.next()).toBe(200);
  floor.saw(0, 50);
  floor.saw(above, 300);
  expect(floor.next()).toBe(50);
});

it('begins at 0 when all ids are lower than the overlap', () => {
  const floor = new ScanFloor();
  floor.saw(0, -5);
  expect(floor.value).toBe(0);
});
