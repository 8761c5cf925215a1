import { mustRun, undoLater } from '../lab/process.ts';

/** Names of the interfaces in the lab; short, as the kernel wants them. */
const bridge = 'mbq0';
const subnet = '10.77.0';

/** The lab's own address on the network, where what all hosts share listens. */
export const labAddress = `${subnet}.1`;
export const networkBlock = `${subnet}.0/24`;

/** A machine in miniature: a network namespace with a cable to the lab's switch. */
export interface Host {
  readonly name: string;
  /** Its addresses; the first is the one that it sends from. */
  readonly addresses: readonly string[];
  /** What to put before a command that is to run there. */
  readonly enter: readonly string[];
  /** Pulls the cable: nothing is refused or closed, nothing arrives. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
}

/**
 * Makes the switch, and a host for each name with its last octets. They are taken down after the last test of the file,
 * also where something fails half-way.
 */
export async function startNetwork(
  hosts: Readonly<Record<string, readonly number[]>>,
): Promise<Record<string, Host>> {
  await ip('link', 'add', bridge, 'type', 'bridge');
  undoLater(() => ip('link', 'delete', bridge));
  await ip('address', 'add', `${labAddress}/24`, 'dev', bridge);
  await ip('link', 'set', bridge, 'up');
  const made: Record<string, Host> = {};
  for (const [name, octets] of Object.entries(hosts)) made[name] = await addHost(name, octets);
  return made;
}

async function addHost(name: string, octets: readonly number[]): Promise<Host> {
  const space = `mbq-${name}`;
  const cable = `mbq-${name}`;
  const addresses = octets.map((octet) => `${subnet}.${octet}`);
  await ip('netns', 'add', space);
  // The cable goes with it.
  undoLater(() => ip('netns', 'delete', space));
  await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space);
  await ip('link', 'set', cable, 'master', bridge, 'up');
  await ip('-n', space, 'link', 'set', 'lo', 'up');
  for (const address of addresses) await ip('-n', space, 'address', 'add', `${address}/24`, 'dev', 'eth0');
  await ip('-n', space, 'link', 'set', 'eth0', 'up');
  return {
    name,
    addresses,
    enter: ['netns', 'exec', space],
    unplug: () => ip('link', 'set', cable, 'down'),
    plug: () => ip('link', 'set', cable, 'up'),
  };
}

async function ip(...args: string[]): Promise<void> {
  await mustRun('ip', args);
}
