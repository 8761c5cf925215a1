import { packageBuild } from '../../tsup.base.ts';

export default packageBuild({
  index: 'src/index.ts',
  sqlite: 'src/sqlite-store.ts',
  store: 'src/store.ts',
  'store-conformance': 'src/store-conformance.ts',
});
