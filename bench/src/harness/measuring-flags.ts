/**
 * Flags of every measuring process: `@mb/*` from their sources, and `gc()` between samples.
 * Node's warnings about experimental features would tear the progress line.
 */
export const measuringFlags = [
  '--conditions=@mb/source',
  '--expose-gc',
  '--disable-warning=ExperimentalWarning',
];
