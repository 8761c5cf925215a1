/**
 * Which file may import which. `pnpm structure` checks it, imports of types included.
 *
 * Directions between packages are also in biome.json, where an editor shows them.
 */
const broker = '^packages/broker/src';

/** Rooms of the broker that a room must not import, with the reason. */
const rooms = [
  {
    from: 'sender|message',
    to: 'route|delivery|queue|worker|store/(memory|sqlite|conformance)',
    comment: 'Who sends and what is sent is known before it is known where it goes.',
  },
  {
    from: 'domains',
    to: 'route|delivery|queue|worker|store/(memory|sqlite|conformance)',
    comment: 'Domains are records and profiles; delivery does not know of them.',
  },
  {
    from: 'encryption',
    to: 'sender|message|route|delivery|queue|worker|store|domains|webhooks|telemetry|alerts',
    comment: 'Encryption does not know what is encrypted.',
  },
  {
    from: 'route|delivery',
    to: 'queue|worker|store/(memory|sqlite|conformance)',
    comment: 'Routing and one attempt work without a queue.',
  },
  {
    from: 'queue',
    to: 'worker|store/(memory|sqlite|conformance)',
    comment: 'An application uses the queue through the port; the worker is no part of that.',
  },
  {
    from: 'webhooks',
    to: 'sender|message|route|delivery|worker|store/(memory|sqlite|conformance)',
    comment: 'Webhooks report what the event log says, whichever process delivered it.',
  },
  {
    from: 'sender|message|route|delivery|queue|worker|store',
    to: 'webhooks',
    comment: 'What happens to mail does not depend on who is notified of it.',
  },
  {
    from: 'telemetry|alerts',
    to: 'sender|message|route|delivery|worker|store/(memory|sqlite|conformance)',
    comment: 'What watches a broker sees what any observer sees.',
  },
  {
    from: 'worker',
    to: 'store/(memory|sqlite|conformance)',
    comment: 'The worker knows the port, not the engine.',
  },
  {
    from: 'store/(memory|sqlite|conformance)',
    to: 'sender|message|route|queue|worker',
    comment: 'An engine stores what the port says and decides nothing about delivery.',
  },
];

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      comment: 'Two files that import each other cannot be read one after the other.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...rooms.map(({ from, to, comment }) => ({
      name: `broker-${from.replace(/\W+/g, '-')}`,
      comment,
      severity: 'error',
      from: { path: `${broker}/(${from})/` },
      to: { path: `${broker}/(${to})/` },
    })),
    {
      name: 'broker-facade',
      comment: 'The facade and the roles are on top: no room imports them.',
      severity: 'error',
      from: { path: `${broker}/[^/]+/`, pathNot: `${broker}/(telemetry|alerts)/` },
      to: { path: `${broker}/(broker|index|mail-sender|mail-queue|mail-worker|sending-parts)\\.ts$` },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.test\\.ts$|/dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      conditionNames: ['@mb/source', 'import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js'],
    },
  },
};
