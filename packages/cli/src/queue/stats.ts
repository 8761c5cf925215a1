import type { QueueStats, SiteView } from '@mb/broker';
import { Command } from 'commander';
import { colors as pc } from '../colors.ts';
import { print, printJson } from '../output.ts';
import { type ServerFlags, serverFlag } from '../remote/server-flag.ts';
import { formatTable } from '../table.ts';
import { wrap } from '../terminal.ts';
import { formatDistance } from '../time.ts';
import { withQueue } from './store.ts';
import { type StoreFlags, storeFlag } from './store-flag.ts';

interface StatsFlags extends StoreFlags, ServerFlags {
  readonly json?: true;
}

const EXAMPLES = `
Examples:
  mb queue stats --store queue.db
  mb queue stats --json | jq '.sites[] | select(.suspended)'

Exit codes: 0 shown.`;

/** `mb queue stats`: prints the number of recipients by state and destination, and which are paused and why. */
export function statsCommand(): Command {
  return new Command('stats')
    .description('show queued mail by destination, and what is paused and why')
    .addOption(storeFlag())
    .addOption(serverFlag())
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: StatsFlags) => {
      const stats = await withQueue(flags, 'read', (queue) => queue.stats());
      if (flags.json) printJson(stats);
      else print(formatStats(stats));
    });
}

function formatStats({ queued, inFlight, held, unknown, oldestDueAt, sites }: QueueStats): string {
  const counts = `${pc.bold(String(queued))} queued, ${inFlight} in flight, ${held} held, ${unknown} unknown`;
  const next = oldestDueAt === undefined ? '' : `; next attempt ${due(oldestDueAt)}`;
  const summary = `${wrap(counts + next, '')}\n`;
  if (sites.length === 0) return summary;
  const head = ['DESTINATION', 'QUEUED', 'CONNECTIONS', 'NEXT', 'STATE'];
  const rows = sites.map((site) => [
    site.site,
    String(site.queued),
    `${site.connections} of ${site.concurrency}`,
    site.oldestDueAt === undefined ? '' : due(site.oldestDueAt),
    stateOf(site),
  ]);
  return `${summary}\n${formatTable(head, rows)}`;
}

function due(at: number): string {
  return at <= Date.now() ? 'now' : formatDistance(at);
}

function stateOf({ suspended, pausedUntil, pauseReason, note }: SiteView): string {
  const why = note ? `: ${note}` : '';
  if (suspended) return `suspended${why}`;
  if (pausedUntil === undefined || pausedUntil <= Date.now()) return 'open';
  return `${pauseReason ?? 'paused'}, again ${formatDistance(pausedUntil)}${why}`;
}
