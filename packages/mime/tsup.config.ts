import { packageBuild } from '../../tsup.base.ts';

export default packageBuild({
  index: 'src/index.ts',
  node: 'src/node.ts',
  charsets: 'src/charsets.ts',
  'aggregate-report': 'src/aggregate-report.ts',
  'tls-report': 'src/tls-report.ts',
  html: 'src/html.ts',
  'data-url': 'src/data-url.ts',
  calendar: 'src/calendar.ts',
});
