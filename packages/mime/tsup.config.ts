import { packageBuild } from '../../tsup.base.ts';

export default packageBuild(
  {
    index: 'src/index.ts',
    node: 'src/node.ts',
    charsets: 'src/charsets.ts',
    'aggregate-report': 'src/aggregate-report.ts',
    'tls-report': 'src/tls-report.ts',
    html: 'src/html.ts',
    'data-url': 'src/data-url.ts',
    calendar: 'src/calendar.ts',
    vectors: 'src/transfer/fast/vectors.ts',
    'no-vectors': 'src/transfer/fast/no-vectors.ts',
  },
  // The conditions of the runtime or bundler choose one of the two.
  { external: ['#vectors'] },
);
