import { packageBuild } from '../../tsup.base.ts';

export default packageBuild({
  index: 'src/index.ts',
  protocol: 'src/protocol/index.ts',
  proxy: 'src/io/proxy.ts',
});
