import preact from '@preact/preset-vite';
import { type Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// The graph library evaluates what is typed into a number ("2*256"). The page's policy forbids that; numbers do.
function withoutEval(): Plugin {
  return {
    name: 'without-eval',
    transform(code, id) {
      return id.includes('@comfyorg/litegraph') ? { code: code.replace('v = eval(v);', 'v = Number(v);'), map: null } : null;
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
