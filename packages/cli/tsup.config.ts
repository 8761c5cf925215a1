import { packageBuild } from '../../tsup.base.ts';

export default packageBuild(
  { index: 'src/index.ts', config: 'src/config/define.ts' },
  // tsup bundles what is no plain dependency; this one is loaded when it is there.
  // The command checks the version itself, before anything is loaded.
  { external: ['@mb/queue-postgres'], banner: {} },
  // The command is no library; only the types of its configuration are.
  { entry: { config: 'src/config/define.ts' } },
);
