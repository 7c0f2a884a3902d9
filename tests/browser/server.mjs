// A real `easel serve` on a free port, with folders of its own.
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const START_MS = 60000;

/**
 * `prepare(folder, models, easel)` may return further arguments of the server. What it puts into `folder`/built_in are the
 * models that come with the program: what is tested does not depend on which there are.
 */
export async function startServer(easel, models, prepare = () => []) {
  const folder = mkdtempSync(join(tmpdir(), 'easel-browser-'));
  let more = prepare(folder, models, easel);
  let log = '';
  let child;

  async function start(port) {
    const folders = ['input', 'output', 'user'].map((name) => join(folder, name));
    folders.forEach((path) => mkdirSync(path, { recursive: true }));
    const [input, output, user] = folders;
    child = spawn(
      easel,
      ['serve', '--models', models, '--port', port, '--input', input, '--output', output, '--user-dir', user, ...more],
      // It runs where there is nothing of the page: what it shows is what the program holds.
      { cwd: folder, env: { ...process.env, OMP_WAIT_POLICY: 'passive', EASEL_BUILT_IN_MODELS: join(folder, 'built_in') }, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const own = child;
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`the server did not start:\n${log}`)), START_MS);
      const take = (data) => {
        log += data;
        const ready = /ready at (http:\S+)/.exec(log.slice(log.lastIndexOf('Easel is')));
        if (!ready) return;
        clearTimeout(timer);
        done(ready[1]);
      };
      own.stdout.on('data', take);
      own.stderr.on('data', take);
      own.on('exit', (code) => fail(new Error(`the server ended with ${code}:\n${log}`)));
    });
  }

  async function end(signal) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((done) => child.once('exit', done));
    child.kill(signal);
    await ended;
  }

  const url = await start('0');
  return {
    url,
    folder,
    log: () => log,
    json: async (route, init) => (await fetch(`${url}/${route}`, init)).json(),
    kill: () => end('SIGKILL'),
    async restart(args = more) {
      await end('SIGTERM');
      more = args;
      await start(new URL(url).port);
    },
    async stop() {
      const force = setTimeout(() => child.kill('SIGKILL'), 20000);
      await end('SIGTERM');
      clearTimeout(force);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
