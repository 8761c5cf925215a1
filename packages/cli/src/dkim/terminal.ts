import { once } from 'node:events';
import { processTerminal, type Terminal } from '../dns/terminal.ts';
import { readInput } from '../send/file.ts';
import { openInput } from '../spooled-input.ts';

/** Input and output of the DKIM commands; tests give their own. */
export interface DkimTerminal extends Terminal {
  /** Writes the octets of a message. */
  writeOctets(octets: Uint8Array): Promise<void>;
  /** Reads a file, `-` being standard input; `what` names it in an error. */
  read(what: string, path: string): Promise<Buffer>;
  /** The same as a stream. */
  open(what: string, path: string): AsyncIterable<Uint8Array>;
  /** The passphrase of encrypted keys, from the environment: other users of the machine can see flags. */
  readonly passphrase: string | undefined;
}

/** Input and output of the process. */
export const dkimTerminal: DkimTerminal = {
  ...processTerminal,
  writeOctets: async (octets) => {
    if (!process.stdout.write(octets)) await once(process.stdout, 'drain');
  },
  read: readInput,
  open: openInput,
  passphrase: process.env.MB_DKIM_PASSPHRASE,
};
