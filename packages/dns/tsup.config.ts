import { packageBuild } from '../../tsup.base.ts';

export default packageBuild({
  index: 'src/index.ts',
  https: 'src/https.ts',
  memory: 'src/memory.ts',
  'public-suffix': 'src/public-suffix.ts',
});
