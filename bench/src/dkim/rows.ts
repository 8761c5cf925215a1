import type { Row, Scale } from '../harness/row.ts';
import type { RawMessage } from './messages.ts';

const MB = 1_000_000;
const GIB = 2 ** 30;

interface Size {
  readonly name: string;
  readonly label: string;
  message(scale: Scale): Promise<RawMessage>;
}

const small: Size = {
  name: '3kb',
  label: '3 kB',
  message: async () => (await import('./messages.ts')).textMessage(),
};
const middle: Size = {
  name: '50kb',
  label: '50 kB',
  message: async () => (await import('./messages.ts')).htmlMessage(),
};
const big: Size = {
  name: '5mb',
  label: '5 MB',
  message: async (scale) => (await import('./messages.ts')).attachmentMessage(scale.smoke ? 20_000 : 5 * MB),
};

/** Rows of @mb/dkim. */
export const dkimRows: readonly Row[] = [
  signRow('rsa', small, 1.1),
  signRow('rsa', middle, 1.25),
  signRow('rsa', big, 1.6),
  signRow('ed25519', small, 1.5),
  signRow('ed25519', middle, 2),
  signRow('ed25519', big, 1.6),
  verifyRow(small, 3),
  verifyRow(middle, 2.5),
  verifyRow(big, 1.6),
  {
    id: 'dkim/stream-peak',
    title: 'peak memory of signing a 1 GiB stream',
    metric: 'peak',
    amount: { count: GIB, unit: 'B' },
    limit: 'read + SHA-256',
    goals: [{ kind: 'above', base: 'read + SHA-256', atMostBytes: 16 * 2 ** 20 }, { kind: 'best' }],
    heavy: true,
    wholeRuns: true,
    maxRounds: 3,
    timeoutSeconds: 600,
    field: async (scale) => (await import('./stream.ts')).streamField(scale.smoke ? 10 * MB : GIB),
  },
];

function signRow(algorithm: 'rsa' | 'ed25519', size: Size, atMost: number): Row {
  return {
    id: `dkim/sign-${algorithm}-${size.name}`,
    title: `${algorithm === 'rsa' ? 'RSA-2048' : 'Ed25519'} signature of a ${size.label} message`,
    metric: 'cpu',
    amount: { count: 1, unit: 'messages' },
    limit: 'SHA-256 + sign',
    goals: [{ kind: 'ratio', to: 'SHA-256 + sign', atMost }, { kind: 'best' }],
    field: async (scale) => (await import('./sign.ts')).signField(algorithm, await size.message(scale)),
  };
}

function verifyRow(size: Size, atMost: number): Row {
  return {
    id: `dkim/verify-${size.name}`,
    title: `RSA-2048 signature of a ${size.label} message verified`,
    metric: 'cpu',
    amount: { count: 1, unit: 'messages' },
    limit: 'SHA-256 + verify',
    goals: [{ kind: 'ratio', to: 'SHA-256 + verify', atMost }, { kind: 'best' }],
    field: async (scale) => (await import('./verify.ts')).verifyField(await size.message(scale)),
  };
}
