const process = require('node:process');

import('./run-checks.mjs').then(({ runChecks }) =>
  runChecks(process.argv.slice(2), (specifier) => require(specifier)),
);
