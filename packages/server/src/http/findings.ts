import type { Health, WebhookSecretStorage } from '@mb/broker';

/** What is wrong now, in a sentence, with what to do. */
export interface Finding {
  readonly severity: 'error' | 'warning';
  readonly text: string;
  readonly todo: string;
  /** The destination that it is about; absent: the service as a whole. */
  readonly destination?: string;
}

/** Mail that is due for longer than this is late, in milliseconds. */
const lateMs = 15 * 60_000;
const mostDestinations = 50;

/** What an operator should know, the worst first. */
export function findingsOf(health: Health, now: number, secrets?: WebhookSecretStorage): Finding[] {
  const findings = [...ofService(health, now), ...ofSecrets(secrets), ...ofDestinations(health)];
  return findings.sort((a, b) => Number(a.severity === 'warning') - Number(b.severity === 'warning'));
}

function ofService(health: Health, now: number): Finding[] {
  const { portBlocked, resolverTrouble, localTroubles = [], unknown, held, running, oldestDueAt } = health;
  const error = (text: string, todo: string): Finding => ({ severity: 'error', text, todo });
  const warning = (text: string, todo: string): Finding => ({ severity: 'warning', text, todo });
  const found: Finding[] = [];
  if (portBlocked !== undefined)
    found.push(error(portBlocked, 'Ask the hosting company to open port 25 to the outside, or use a relay.'));
  if (resolverTrouble !== undefined)
    found.push(error(resolverTrouble, 'Check the DNS servers of this machine, or name others with `dns`.'));
  for (const trouble of localTroubles)
    found.push(
      error(trouble, 'Correct the configuration or the machine; the mail waits and spends no attempts.'),
    );
  const waits = oldestDueAt === undefined ? 0 : now - oldestDueAt;
  if (waits > lateMs) {
    const minutes = Math.round(waits / 60_000);
    found.push(
      warning(
        `Mail has been due for ${minutes} minutes and was not attempted.`,
        running
          ? 'See which destinations are paused or at their limit; more workers or connections may help.'
          : 'This process does not deliver: see that a process with the role `worker` runs.',
      ),
    );
  }
  if (unknown > 0)
    found.push(
      warning(
        `${unknown} ${unknown === 1 ? 'recipient has' : 'recipients have'} an unknown outcome: the connection was lost after the content was sent.`,
        'Check whether they received the message; then release them to send it again, or cancel them.',
      ),
    );
  if (held > 0)
    found.push(
      warning(`${held} ${held === 1 ? 'recipient is' : 'recipients are'} held.`, 'Release or cancel them.'),
    );
  return found;
}

/** Secrets of webhooks that this process cannot open, and those in plain text. */
function ofSecrets(secrets: WebhookSecretStorage | undefined): Finding[] {
  if (!secrets) return [];
  const { plain, encrypted, encrypts } = secrets;
  const found: Finding[] = [];
  const are = (count: number) =>
    `${count} ${count === 1 ? 'secret of webhooks is' : 'secrets of webhooks are'}`;
  if (encrypted > 0 && !encrypts)
    found.push({
      severity: 'error',
      text: `${are(encrypted)} encrypted, and this process has no master key: it delivers nothing to these webhooks.`,
      todo: 'Give this process the master key: --master-key FILE or MB_MASTER_KEY.',
    });
  if (plain > 0)
    found.push({
      severity: 'warning',
      text: `${are(plain)} in plain text in the queue.`,
      todo: encrypts
        ? 'Encrypt them: `mb domain master-key rotate --no-new`.'
        : 'Make a master key with `mb domain master-key new`, give it to all processes, then encrypt them: `mb domain master-key rotate --no-new`.',
    });
  return found;
}

function ofDestinations({ sites }: Health): Finding[] {
  return sites
    .filter(({ suspended, pausedUntil, queued }) => suspended || (pausedUntil !== undefined && queued > 0))
    .slice(0, mostDestinations)
    .map(({ site, suspended, pauseReason, queued, note }) => {
      const waiting = `${queued} ${queued === 1 ? 'recipient waits' : 'recipients wait'}`;
      if (suspended) {
        const why = note === undefined ? '' : ` (${note})`;
        return {
          severity: 'warning',
          destination: site,
          text: `${site} is suspended${why}; ${waiting}.`,
          todo: 'Resume it when the reason is gone.',
        };
      }
      const [severity, what, todo] = pauses[pauseReason ?? 'unreachable'];
      return { severity, destination: site, text: `${site} ${what}; ${waiting}.`, todo };
    });
}

const pauses = {
  unreachable: [
    'error',
    'cannot be reached',
    'Nothing if the fault is theirs: it is tried again. Otherwise check the network of this machine.',
  ],
  throttled: [
    'warning',
    'asks us to send less',
    'Nothing at first: it is paced. If it continues, read the replies, and send less at once.',
  ],
  credentials: ['error', 'refuses our user name and password', 'Correct the credentials of the relay.'],
  operator: ['warning', 'is paused', 'Resume it when the reason is gone.'],
} as const;
