import { describe, expect, it } from 'vitest';
import { CursorWindow } from './cursor-window.ts';

describe('CursorWindow', () => {
  it('WHK-05 stays before the first unfinished event', () => {
    const window = new CursorWindow('0');
    const first = window.take('1', 10);
    window.skip('2', 20);
    const third = window.take('3', 30);
    third();
    expect([window.cursor, window.read, window.upTo, window.size]).toEqual(['0', '3', 10, 2]);
    first();
    expect([window.cursor, window.upTo, window.size]).toEqual(['3', 30, 0]);
    window.reachEnd(99);
    expect(window.upTo).toBe(99);
  });

  it('WHK-05 advances over thousands of events that finish in any order', () => {
    const window = new CursorWindow('0');
    const ends = Array.from({ length: 5_000 }, (_, i) => window.take(String(i + 1), i));
    for (const end of ends.slice(1).reverse()) end();
    expect([window.cursor, window.size]).toEqual(['0', 5_000]);
    ends[0]!();
    expect([window.cursor, window.size]).toEqual(['5000', 0]);
    const next = window.take('5001', 1);
    expect(window.cursor).toBe('5000');
    next();
    expect(window.cursor).toBe('5001');
  });
});
