import { packageBuild } from '../../tsup.base.ts';
import { webDeclarations, webInject, webPlatform } from './web-build.config.ts';

export default [
  packageBuild({ index: 'src/index.ts' }, { clean: ['**/*', '!web*'] }),
  packageBuild(
    { web: 'src/web/index.ts' },
    {
      clean: false,
      platform: 'browser',
      esbuildPlugins: [webPlatform],
      inject: webInject,
      splitting: false,
      banner: {},
    },
    { plugins: [webDeclarations] },
  ),
];
