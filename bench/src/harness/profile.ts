import { type Profiler, Session } from 'node:inspector/promises';

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
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  await task();
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return hotFrames(profile);
}

function hotFrames(profile: Profiler.Profile): HotFrame[] {
  const selfMs = new Map<string, number>();
  const keyOf = new Map(profile.nodes.map((node) => [node.id, frameKey(node.callFrame)]));
  for (const [i, sample] of (profile.samples ?? []).entries()) {
    const key = keyOf.get(sample) ?? '';
    selfMs.set(key, (selfMs.get(key) ?? 0) + (profile.timeDeltas?.[i] ?? 0) / 1000);
  }
  for (const nothing of ['(idle)\t', '(program)\t', '(root)\t']) selfMs.delete(nothing);
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
