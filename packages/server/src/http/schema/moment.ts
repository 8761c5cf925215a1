import { z } from '@hono/zod-openapi';

/** A moment as the API shows it: ISO 8601 in UTC. */
export const moment = z.iso.datetime();

/** Epoch milliseconds as a {@link moment}. */
export const iso = (at: number) => new Date(at).toISOString();

/** The same, for a moment that may be missing. */
export const isoOf = (at: number | undefined) => (at === undefined ? undefined : iso(at));
