import { packageBuild } from '../../tsup.base.ts';

export default packageBuild({
  index: 'src/index.ts',
  client: 'src/client/client.ts',
  'tls-results': 'src/reports/tls-recorder.ts',
});
