import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Self time of one function over a whole profile. */
export interface HotFrame {
  readonly name: string;
  readonly location: string;
  readonly selfMs: number;
  /** Of all samples that were not idle. */
  readonly share: number;
}

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Sums a directory's V8 CPU profiles by function, hottest first. */
export function hotFrames(directory: string, count: number): HotFrame[] {
  const selfMs = new Map<string, number>();
  for (const file of readdirSync(directory).filter((name) => name.endsWith('.cpuprofile'))) {
    const profile = JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as CpuProfile;
    const keyOf = new Map(profile.nodes.map((node) => [node.id, frameKey(node.callFrame)]));
    for (const [i, sample] of profile.samples.entries()) {
      const key = keyOf.get(sample) ?? '';
      selfMs.set(key, (selfMs.get(key) ?? 0) + (profile.timeDeltas[i] ?? 0) / 1000);
    }
  }
  for (const idle of ['(idle)\t', '(program)\t', '(root)\t']) selfMs.delete(idle);
  const total = [...selfMs.values()].reduce((sum, ms) => sum + ms, 0);
  return [...selfMs]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([key, ms]) => {
      const [name = '', location = ''] = key.split('\t');
      return { name, location, selfMs: ms, share: ms / total };
    });
}

function frameKey(frame: CpuProfile['nodes'][number]['callFrame']): string {
  const place = frame.url.replace(/^.*\/(packages|node_modules|bench)\//, '$1/');
  return `${frame.functionName || '(anonymous)'}\t${place === '' ? '' : `${place}:${frame.lineNumber + 1}`}`;
}
