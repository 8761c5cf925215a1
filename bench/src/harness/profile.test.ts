import type { Profiler } from 'node:inspector/promises';
import { expect, it } from 'vitest';
import { shareBelow } from './profile.ts';

function node(id: number, functionName: string, url: string, children: number[] = []): Profiler.ProfileNode {
  const callFrame = { functionName, url, scriptId: '', lineNumber: 0, columnNumber: 0 };
  return { id, callFrame, children };
}

it('counts what code below a path does and what it calls, without idle time', () => {
  const profile: Profiler.Profile = {
    startTime: 0,
    endTime: 1000,
    nodes: [
      node(1, '(root)', '', [2, 3, 6]),
      node(2, '(idle)', ''),
      node(3, 'deliver', 'file:///packages/broker/src/worker/worker.ts', [4]),
      node(4, 'attempt', 'file:///packages/broker/src/telemetry/instrument.ts', [5]),
      node(5, 'record', 'file:///node_modules/sdk/index.js'),
      node(6, '(garbage collector)', ''),
    ],
    samples: [2, 3, 4, 5, 6],
    timeDeltas: [500, 70, 10, 10, 10],
  };
  expect(shareBelow(profile, 'packages/broker/src/telemetry/')).toBeCloseTo(0.2);
  expect(shareBelow(profile, 'packages/mime/')).toBe(0);
});
