import { expect, it } from 'vitest';
import { RemoteLane } from './remote-lane.ts';
import type { Contender } from './row.ts';

const order = {
  id: 'mime/base64',
  effort: { rounds: 1, sampleMs: 1, warmUpMs: 1 },
  scale: { smoke: true, full: false },
};

function lane(name: string): RemoteLane {
  const contender: Contender = { name, role: 'ours', run: () => undefined, check: () => undefined };
  return new RemoteLane(contender, order);
}

it('measures a contender in another process, and checks its output there', async () => {
  const ours = lane('@mb/mime');
  const limit = lane('unwrapped + copy');
  await Promise.all([ours.warmUp(), limit.warmUp()]);
  await ours.sample();
  await ours.sample();
  expect(ours.series()).toMatchObject({ contender: { name: '@mb/mime' }, threw: false });
  expect(ours.series().problem).toBeUndefined();
  expect(ours.series().wall).toHaveLength(2);
  expect(Math.min(...ours.series().cpu)).toBeGreaterThan(0);
  expect(limit.series().wall).toHaveLength(0);
  await Promise.all([ours.close(), limit.close()]);
});

it('says that the process ended, and asks it no more', async () => {
  const stranger = lane('a contender that the row does not have');
  await stranger.warmUp();
  expect(stranger.series()).toMatchObject({ threw: true, problem: 'its process ended with 1' });
  await stranger.sample();
  expect(stranger.series().wall).toHaveLength(0);
  await stranger.close();
});
