import { describe, expect, it } from 'vitest';
import { mutateOctets, mutateText, mutationCount } from './mutation.ts';

const words = [';', '=', 'key'];

describe('a run of mutations', () => {
  it('gives the same inputs for the same seed', async () => {
    const inputs = async () => {
      const seen: string[] = [];
      await mutateText({
        name: 'copy',
        samples: ['key=value; other=1\nkey=2'],
        words,
        check: (input) => {
          seen.push(input);
          return 'accepted';
        },
      });
      return seen;
    };
    const first = await inputs();
    expect(first).toHaveLength(mutationCount);
    expect(await inputs()).toEqual(first);
    // Nearly all differ from the sample and from each other.
    expect(new Set(first).size).toBeGreaterThan(mutationCount / 2);
  });

  it('fails with the seed and the input when a check fails', async () => {
    const failing = mutateOctets({
      name: 'strict',
      samples: [Buffer.from('abcdef')],
      words: [],
      check: (input) => {
        if (!Buffer.from(input).toString('latin1').startsWith('a')) throw new TypeError('no a');
        return 'accepted';
      },
    });
    const error = await failing.then(
      () => expect.unreachable(),
      (reason: Error) => reason,
    );
    expect(error.message).toMatch(/^strict: seed .+, input \d+: no a\nThe input in base64 /);
    expect(error.cause).toBeInstanceOf(TypeError);
    const input = Buffer.from(/base64 (\S*)$/.exec(error.message)![1]!, 'base64').toString('latin1');
    expect(input.startsWith('a')).toBe(false);
  });

  it('fails when an input takes seconds of processor time', async () => {
    const slow = mutateText({
      name: 'slow',
      samples: ['x'],
      words: [],
      check: () => {
        const start = process.threadCpuUsage();
        let used = { user: 0, system: 0 };
        while (used.user + used.system < 2_100_000) used = process.threadCpuUsage(start);
        return 'accepted';
      },
    });
    await expect(slow).rejects.toThrow(/slow: seed .+, input 0: It took \d+.* ms of processor time/);
  });

  it('fails when the parser accepted nothing', async () => {
    const check = () => 'refused' as const;
    await expect(mutateText({ name: 'none', samples: ['x'], words: [], check })).rejects.toThrow(
      'none accepted none',
    );
  });
});
