import { packageBuild } from '../../tsup.base.ts';

export default packageBuild({
  index: 'src/index.ts',
  mutation: 'src/mutation.ts',
  'option-walk': 'src/option-walk.ts',
  vitest: 'src/vitest.ts',
  'wrong-types': 'src/wrong-types.ts',
});
