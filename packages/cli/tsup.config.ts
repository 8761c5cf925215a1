import { packageBuild } from '../../tsup.base.ts';

// tsup bundles what is no plain dependency; this one is loaded when it is there.
export default packageBuild({ index: 'src/index.ts' }, { dts: false, external: ['@mb/queue-postgres'] });
