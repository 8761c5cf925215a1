import { defineConfig } from 'vite';

/** The files that a browser loads: names with a digest, and nothing in the page that a strict policy would refuse. */
export default defineConfig({
  root: 'src/ui',
  // Relative, so that the page works behind any path prefix.
  base: './',
  build: {
    outDir: '../../dist/ui',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
