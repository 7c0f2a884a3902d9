import preact from '@preact/preset-vite';
import { type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// The graph library evaluates what is typed into a number ("2*256"). The page's policy forbids that; numbers do. Where it
// uses the browser's storage it gets the page's, which is there also when the browser's is not.
function withoutEval(): Plugin {
  return {
    name: 'without-eval',
    transform(code, id) {
      if (!id.includes('@comfyorg/litegraph')) return null;
      const changed = code.replace('v = eval(v);', 'v = Number(v);').replaceAll('localStorage.', 'globalThis.easelStore.');
      return { code: changed, map: null };
    },
  };
}

export default defineConfig({
  test: { setupFiles: './tests/setup.ts' },
  plugins: [preact(), withoutEval()],
  base: './',
  build: { target: 'es2022', assetsInlineLimit: 0, chunkSizeWarningLimit: 900 },
  server: { proxy: { '/api': { target: 'http://127.0.0.1:8188', ws: true } } },
});
