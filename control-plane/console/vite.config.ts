import { defineConfig } from 'vite';

// The folder is also the path at which the Admin listener serves the files.
export default defineConfig({
  base: '/console/',
  logLevel: 'warn',
  build: {
    outDir: '../../dist/control-plane/console',
    emptyOutDir: true,
    // The content security policy allows no inlined file but images.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
});
