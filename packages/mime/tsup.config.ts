import { packageBuild } from '../../tsup.base.ts';

const entry = {
  index: 'src/index.ts',
  node: 'src/node.ts',
  charsets: 'src/charsets.ts',
  'aggregate-report': 'src/aggregate-report.ts',
  'tls-report': 'src/tls-report.ts',
  html: 'src/html.ts',
  'data-url': 'src/data-url.ts',
  calendar: 'src/calendar.ts',
};

export default packageBuild(
  // The conditions of the runtime or bundler choose one of the two; no program imports them.
  { ...entry, vectors: 'src/transfer/fast/vectors.ts', 'no-vectors': 'src/transfer/fast/no-vectors.ts' },
  { external: ['#vectors'] },
  { entry },
);
