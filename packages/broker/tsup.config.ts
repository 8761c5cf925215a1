import { packageBuild } from '../../tsup.base.ts';

export default packageBuild({
  index: 'src/index.ts',
  domains: 'src/domains/index.ts',
  encryption: 'src/encryption/index.ts',
  alerts: 'src/alerts/index.ts',
  lint: 'src/lint/index.ts',
  telemetry: 'src/telemetry/index.ts',
  'printable-text': 'src/printable-text.ts',
  spool: 'src/message/spool.ts',
  sqlite: 'src/store/sqlite/sqlite-store.ts',
  store: 'src/store/index.ts',
  relay: 'src/relay/index.ts',
  template: 'src/template/index.ts',
  'react-email': 'src/template/react-email.ts',
  mjml: 'src/template/mjml.ts',
  'inline-css': 'src/template/inline-css.ts',
  'store-conformance': 'src/store/conformance/index.ts',
});
