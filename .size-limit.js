/** Compressed sizes of what users bundle; a limit is raised in the change that needs it, which says why. @mb/mime measures its own, for browsers. */
const forNode = { modifyEsbuildConfig: (config) => ({ ...config, platform: 'node', format: 'esm' }) };

export default [
  { name: '@mb/dkim', path: 'packages/dkim/dist/index.js', limit: '20 kB', ...forNode },
  { name: '@mb/dns', path: 'packages/dns/dist/index.js', limit: '46 kB', ...forNode },
  { name: '@mb/smtp-client', path: 'packages/smtp-client/dist/index.js', limit: '30 kB', ...forNode },
  {
    name: '@mb/nodemailer',
    path: 'packages/nodemailer/dist/index.js',
    limit: '14 kB',
    ignore: ['@mb/*'],
    ...forNode,
  },
  { name: '@mb/broker, with its layers', path: 'packages/broker/dist/index.js', limit: '157 kB', ...forNode },
  {
    name: '@mb/dashboard, all that a browser loads',
    path: ['packages/dashboard/dist/ui/**/*'],
    limit: '60 kB',
    gzip: true,
    // They are built already.
    modifyEsbuildConfig: (config) => ({ ...config, loader: { '.html': 'copy', '.svg': 'copy' } }),
  },
];
