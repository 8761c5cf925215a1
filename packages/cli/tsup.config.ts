import { packageBuild } from '../../tsup.base.ts';

export default packageBuild(
  { index: 'src/index.ts', config: 'src/config/define.ts' },
  {
    // The command is no library; only the types of its configuration are.
    dts: { entry: { config: 'src/config/define.ts' } },
    // tsup bundles what is no plain dependency; this one is loaded when it is there.
    external: ['@mb/queue-postgres'],
  },
);
