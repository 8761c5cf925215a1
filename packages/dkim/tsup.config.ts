import { packageBuild } from '../../tsup.base.ts';

// The bundler would take src/resident.ts for code without effect.
export default packageBuild({ index: 'src/index.ts' }, { treeshake: false });
