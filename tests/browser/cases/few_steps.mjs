import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { header, safetensors } from '../modelFile.mjs';
import * as p from '../page.mjs';

const KEY = 'down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k';
const WEIGHT = 'model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight';

/** A model and a LoRA that were made for few steps: their settings are proposed, taken by a click, and led back. */
export const fewSteps = {
  name: 'few_steps',
  prepare(folder, models) {
    const usual = join(models, 'checkpoints', 'v1-5-pruned-emaonly.safetensors');
    const [out, context] = header(usual)[WEIGHT].shape;
    mkdirSync(join(folder, 'loras'));
    mkdirSync(join(folder, 'checkpoints'));
    copyFileSync(usual, join(folder, 'checkpoints', 'realisticVisionV60B1_v51HyperVAE.safetensors'));
    const name = `lora_unet_${KEY}`;
    const lora = safetensors({ [`${name}.lora_down.weight`]: [2, context], [`${name}.lora_up.weight`]: [out, 2] });
    writeFileSync(join(folder, 'loras', 'lcm-lora-sdv1-5.safetensors'), lora);
    const paths = join(folder, 'paths.yaml');
    writeFileSync(paths, `here:\n  base_path: ${folder}\n  loras: loras\n  checkpoints: checkpoints\n`);
    return ['--extra-model-paths', paths];
  },
  async run({ page, server, shot, looks }) {
    await p.open(page, server);
    await p.choosePicture(page);
    const proposed = page.getByRole('status', { name: 'Proposed settings' });
    const chooseModel = async (from, to) => {
      await page.getByRole('button', { name: `Model: ${from}` }).click();
      await page.getByRole('listbox', { name: 'Model' }).getByRole('option', { name: to }).click();
    };

    // A model: what its makers publish; proposed, and nothing changed before it is taken.
    await p.setSize(page, 64, 20);
    assert.equal(await proposed.count(), 0);
    await chooseModel('v1-5-pruned-emaonly', /HyperVAE/);
    await proposed.getByText('6 steps, cfg 1.5, dpmpp_sde, karras').waitFor();
    await p.holds(page, 'Steps', '20');
    await looks('few_steps_model');
    await proposed.getByRole('button', { name: 'Use' }).click();
    await proposed.waitFor({ state: 'detached' });
    await p.holds(page, 'Steps', '6');

    // A LoRA counts more than the model.
    await page.locator('.panel', { hasText: 'LoRAs' }).locator('summary').click();
    await page.getByRole('button', { name: /^Add a LoRA/ }).click();
    await page.getByRole('option', { name: /lcm-lora/ }).click();
    await proposed.getByText('4 steps, cfg 1, lcm, sgm_uniform, sampling lcm').waitFor();
    await shot('few_steps_lora');
    await proposed.getByRole('button', { name: 'Use' }).click();
    await p.run(page);
    await p.finished(page);
    const [entry] = await p.ended(server, 1);
    assert.equal(entry.status.status_str, 'success');
    const nodes = Object.values(entry.prompt[2]);
    const { steps, cfg, sampler_name, scheduler } = nodes.find((n) => n.class_type === 'KSampler').inputs;
    assert.deepEqual([steps, cfg, sampler_name, scheduler], [4, 1, 'lcm', 'sgm_uniform']);
    assert.equal(nodes.find((n) => n.class_type === 'ModelSamplingDiscrete').inputs.sampling, 'lcm');

    // Without either, the technique's own settings are proposed.
    await page.getByRole('button', { name: 'Remove lcm-lora-sdv1-5' }).click();
    await chooseModel('realisticVisionV60B1_v51HyperVAE', /v1-5-pruned-emaonly/);
    await proposed.getByText('No model for few steps').waitFor();
    await proposed.getByRole('button', { name: 'Use' }).click();
    await p.holds(page, 'Steps', '20');
    await proposed.waitFor({ state: 'detached' });
  },
};
