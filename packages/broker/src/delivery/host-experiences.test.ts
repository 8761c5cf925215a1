import { VirtualClock } from '@mb/testkit';
import { describe, expect, it } from 'vitest';
import { HostExperiences } from './host-experiences.ts';

const hour = 3_600_000;
const host = 'mx.example.org:25';

/** Experiences of another process, which loads what the queue has stored. */
function recalled(clock: VirtualClock, kept: Record<string, object> | undefined): HostExperiences {
  const experiences = new HostExperiences(clock);
  experiences.recall(kept!);
  return experiences;
}

describe('SITE-06 SITE-10 facts about a host expire', () => {
  it('resets a window that was not used for a day, and keeps one in use', async () => {
    const clock = new VirtualClock();
    const experiences = recalled(clock, { [host]: { window: 16, cleanRun: 0 } });
    for (let hours = 0; hours < 30; hours += 10) {
      await clock.advance(10 * hour);
      expect(experiences.of(host).window).toBe(16);
    }
    await clock.advance(24 * hour);
    expect(experiences.of(host).window).toBe(1);
  });

  it('forgets limits a day after they were learnt, even while they are in use', async () => {
    const clock = new VirtualClock();
    const experiences = new HostExperiences(clock);
    const learn = () => {
      const scope = experiences.open();
      scope.of(host).sessionFull(3);
      scope.of(host).tooManyRecipients(50);
      scope.of(host).chunkingRefused();
      scope.changes();
    };
    learn();
    for (let days = 0; days < 2; days++) {
      await clock.advance(23 * hour);
      expect(experiences.of(host).facts).toMatchObject({
        messagesPerSession: 3,
        recipientsPerTransaction: 50,
        refusesChunking: true,
      });
      await clock.advance(hour);
      // After sessions that were full the window stays at one.
      expect(experiences.of(host).facts).toEqual({ window: 1, cleanRun: 0, endedAfter: 3 });
      learn();
    }
  });

  it('stores the ages with the facts, so that they hold in another process', async () => {
    const clock = new VirtualClock();
    const first = new HostExperiences(clock);
    const scope = first.open();
    scope.of(host).sessionFull(3);
    const kept = scope.changes();
    expect(kept).toEqual({ [host]: expect.objectContaining({ messagesPerSession: 3 }) });
    await clock.advance(20 * hour);
    expect(recalled(clock, kept).of(host).messagesPerSession).toBe(3);
    await clock.advance(4 * hour);
    expect(recalled(clock, kept).of(host).messagesPerSession).toBeUndefined();
    expect(recalled(clock, JSON.parse(JSON.stringify(kept))).of(host).endedAfter).toBe(3);
  });

  it('stores the time of the latest use once an hour, and nothing for an unknown host', async () => {
    const clock = new VirtualClock();
    const experiences = recalled(clock, { [host]: { window: 4, cleanRun: 0 } });
    const work = () => {
      const scope = experiences.open();
      scope.of(host);
      scope.of('mx.example.net:25');
      return scope.changes();
    };
    expect(work()).toBeUndefined();
    await clock.advance(hour);
    expect(work()).toEqual({ [host]: expect.objectContaining({ window: 4, usedAt: clock.now() }) });
    expect(work()).toBeUndefined();
  });

  it('ignores facts that cannot be read, and those from the future after the clock was set back', async () => {
    const clock = new VirtualClock();
    expect(recalled(clock, { [host]: { window: 'wide' } }).of(host).window).toBe(1);
    const future = clock.now() + 30 * 24 * hour;
    const kept = { window: 16, cleanRun: 0, messagesPerSession: 2, usedAt: future, limitsAt: future };
    expect(recalled(clock, { [host]: kept }).of(host).facts).toEqual({
      window: 1,
      cleanRun: 0,
      endedAfter: 2,
    });
  });
});
