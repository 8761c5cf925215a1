import { type Profiler, Session } from 'node:inspector/promises';

/** What V8 names the time in which no JavaScript runs. */
const nothing = new Set(['(idle)', '(program)', '(root)']);

/** Self time of one function over a whole profile. */
export interface HotFrame {
  readonly name: string;
  readonly location: string;
  readonly selfMs: number;
  /** Of all samples that were not idle. */
  readonly share: number;
}

/** Runs a task under V8's sampling profiler and gives the functions that took its time, hottest first. */
export async function profileOf(task: () => Promise<unknown>): Promise<HotFrame[]> {
  return hotFrames(await record(task));
}

/**
 * Runs a task under V8's sampling profiler and gives the share of its time that is spent in code below a path, such as
 * `packages/broker/src/telemetry/`, and in what that code calls.
 */
export async function profiledShare(task: () => Promise<unknown>, below: string): Promise<number> {
  return shareBelow(await record(task), below);
}

async function record(task: () => Promise<unknown>): Promise<Profiler.Profile> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await task();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return profile;
}

/** The share of the samples, other than idle ones, whose stack has a frame of a file below the path. */
export function shareBelow(profile: Profiler.Profile, below: string): number {
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const known = new Map<number, boolean>();
  const isBelow = (id: number | undefined): boolean => {
    const node = id === undefined ? undefined : nodes.get(id);
    if (node === undefined) return false;
    let found = known.get(node.id);
    if (found === undefined) {
      found = node.callFrame.url.includes(below) || isBelow(parents.get(node.id));
      known.set(node.id, found);
    }
    return found;
  };
  let inside = 0;
  let all = 0;
  for (const [i, id] of (profile.samples ?? []).entries()) {
    if (nothing.has(nodes.get(id)?.callFrame.functionName ?? '')) continue;
    const micros = profile.timeDeltas?.[i] ?? 0;
    all += micros;
    if (isBelow(id)) inside += micros;
  }
  return all === 0 ? 0 : inside / all;
}

function hotFrames(profile: Profiler.Profile): HotFrame[] {
  const selfMs = new Map<string, number>();
  const keyOf = new Map(profile.nodes.map((node) => [node.id, frameKey(node.callFrame)]));
  for (const [i, sample] of (profile.samples ?? []).entries()) {
    const key = keyOf.get(sample) ?? '';
    selfMs.set(key, (selfMs.get(key) ?? 0) + (profile.timeDeltas?.[i] ?? 0) / 1000);
  }
  for (const name of nothing) selfMs.delete(`${name}\t`);
  const total = [...selfMs.values()].reduce((sum, ms) => sum + ms, 0);
  return [...selfMs]
    .sort(([, a], [, b]) => b - a)
    .map(([key, ms]) => {
      const [name = '', location = ''] = key.split('\t');
      return { name, location, selfMs: ms, share: ms / total };
    });
}

function frameKey(frame: Profiler.ProfileNode['callFrame']): string {
  const place = frame.url.replace(/^.*\/(packages|node_modules|bench)\//, '$1/');
  return `${frame.functionName || '(anonymous)'}\t${place === '' ? '' : `${place}:${frame.lineNumber + 1}`}`;
}
