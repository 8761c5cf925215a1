import { packageBuild } from '../../tsup.base.ts';

export default packageBuild(
  { index: 'src/index.ts', config: 'src/config/define.ts' },
  // An optional peer, which tsup would bundle.
  // The command checks the version of Node itself, before it loads other modules.
  { external: ['@mb/queue-postgres'], banner: {} },
  // Only the types of the configuration are public.
  { entry: { config: 'src/config/define.ts' } },
);
