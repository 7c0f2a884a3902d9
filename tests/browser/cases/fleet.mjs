import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as p from '../page.mjs';

const ONLY_SECOND = 'only-here.safetensors';

// Of the case that runs: they are made before its server is.
let database, store, easel, models, token;

function startDatabase() {
  const script = join(process.env.EASEL_TEST_SUPPORT, 'postgres.sh');
  const folder = mkdtempSync(join(tmpdir(), 'easel-browser-db-'));
  const text = execFileSync('bash', ['-c', '. "$1"; start_postgres "$2" >&2 && echo "$postgres_url $postgres_pid"', '_', script, folder]);
  const [url, pid] = text.toString().trim().split(' ');
  return { folder, url, pid: Number(pid) };
}

function startRunner(server, name, folder) {
  const cache = join(server.folder, name);
  const child = spawn(
    easel,
    ['runner', '--store', store, '--fleet-token-file', token, '--name', name, '--models', folder, '--cache', cache],
    { cwd: server.folder, env: { ...process.env, OMP_WAIT_POLICY: 'passive', EASEL_BUILT_IN_MODELS: '' }, stdio: 'ignore' },
  );
  const ended = new Promise((done) => child.once('exit', done));
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** The runners behind a front end: what they do, what they have, and why a job waits. */
export const fleet = {
  name: 'fleet',
  unable() {
    const there = existsSync('/usr/lib/postgresql') && readdirSync('/usr/lib/postgresql').length > 0;
    return there ? undefined : 'there is no PostgreSQL (Debian: apt-get install postgresql)';
  },
  prepare(folder, given, program) {
    [easel, models] = [program, given];
    database = startDatabase();
    store = database.url;
    token = join(folder, 'fleet-token');
    writeFileSync(token, 'a-token-of-the-fleet', { mode: 0o600 });
    return ['--store', store, '--fleet-token-file', token, '--name', 'front'];
  },
  end() {
    process.kill(database.pid, 'SIGQUIT');
    rmSync(database.folder, { recursive: true, force: true, maxRetries: 20 });
  },
  async run({ page, server, looks }) {
    // One of them has a model that the other lacks.
    const more = join(server.folder, 'more');
    mkdirSync(join(more, 'checkpoints'), { recursive: true });
    const [first] = readdirSync(join(models, 'checkpoints'));
    copyFileSync(join(models, 'checkpoints', first), join(more, 'checkpoints', ONLY_SECOND));
    const runners = [startRunner(server, 'painter-1', models)];
    try {
      await p.open(page, server);
      const table = page.getByRole('region', { name: 'Runners' });
      const row = (name) => table.getByRole('row', { name: new RegExp(name) });
      await row('painter-1').getByText('idle').waitFor();
      runners.push(startRunner(server, 'painter-2-with-a-long-name', more));
      await row('painter-2').getByText('idle').waitFor();
      await p.choosePicture(page);
      await p.setSize(page, 64, 2);
      await p.run(page);
      await p.finished(page);
      await row('painter-1').getByText(/^[1-9]\d* of [1-9]\d*$/).waitFor(); // models in memory
      assert.match(await row('painter-2').innerText(), /0 of [1-9]/);

      // A job that takes a while, and one whose only runner goes.
      const prompt = (file) => ({
        1: { class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: file } },
        2: { class_type: 'CLIPTextEncode', inputs: { clip: ['1', 1], text: '' } },
        3: { class_type: 'EmptyLatentImage', inputs: { width: 64, height: 64, batch_size: 1 } },
        4: {
          class_type: 'KSampler',
          inputs: { model: ['1', 0], positive: ['2', 0], negative: ['2', 0], latent_image: ['3', 0], seed: 1, steps: 2, cfg: 1, sampler_name: 'euler', scheduler: 'normal', denoise: 1 },
        },
        5: { class_type: 'VAEDecode', inputs: { samples: ['4', 0], vae: ['1', 2] } },
        6: { class_type: 'PreviewImage', inputs: { images: ['5', 0] } },
      });
      const post = (route, body) => server.json(route, { method: 'POST', body: JSON.stringify(body) });
      await post('queue', { pause: true });
      const answer = await post('prompt', { prompt: prompt(ONLY_SECOND) });
      assert.ok(answer.prompt_id, JSON.stringify(answer));
      await runners.pop().stop();
      await row('painter-2').waitFor({ state: 'detached' });
      await p.setSize(page, 256, 4000);
      await p.run(page);
      await post('queue', { pause: false });
      await p.pastStep(page, 1);
      await table.getByText(`A job waits: no runner has ${ONLY_SECOND}`).waitFor();
      await row('painter-1').getByText(p.TECHNIQUE).waitFor();
      runners.push(startRunner(server, 'painter-2-with-a-long-name', models));
      await row('painter-2').getByText('idle').waitFor();
      await looks('fleet');
      await page.locator('.stage').getByRole('button', { name: 'Stop', exact: true }).click();
      await page.locator('.told', { hasText: 'Stopped' }).waitFor();
    } finally {
      await Promise.all(runners.map((runner) => runner.stop()));
    }
  },
};
