import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { header, safetensors } from '../modelFile.mjs';
import * as p from '../page.mjs';

const KEY = 'down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k';
const WEIGHT = 'model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight';

/** A LoRA of zeros for models whose keys have that shape: the width of their text tells the family. */
function lora([out, context]) {
  const name = `lora_unet_${KEY}`;
  return safetensors({ [`${name}.lora_down.weight`]: [2, context], [`${name}.lora_up.weight`]: [out, 2] });
}

/** Model, LoRAs, ControlNet, sampler: chosen, always visible, and grey with the reason where they do not fit. */
export const files = {
  name: 'files',
  prepare(folder, models) {
    const loras = join(folder, 'loras');
    mkdirSync(loras);
    const own = lora(header(join(models, 'checkpoints', 'v1-5-pruned-emaonly.safetensors'))[WEIGHT].shape);
    writeFileSync(join(loras, 'ink.safetensors'), own);
    writeFileSync(join(loras, 'ink.preview.png'), p.picture(64));
    writeFileSync(join(loras, 'wash.safetensors'), own);
    writeFileSync(join(loras, 'large.safetensors'), lora([640, 2048]));
    const paths = join(folder, 'paths.yaml');
    writeFileSync(paths, `here:\n  base_path: ${folder}\n  loras: loras\n`);
    return ['--extra-model-paths', paths];
  },
  async run({ page, server, shot, looks }) {
    await p.open(page, server);
    await p.choosePicture(page);
    await p.setSize(page, 64, 2);

    // The model: those of other families say so and cannot be chosen.
    await page.getByRole('button', { name: 'Model: v1-5-pruned-emaonly' }).click();
    const models = page.getByRole('listbox', { name: 'Model' });
    const other = models.getByRole('option', { name: /sd_xl_base_1\.0/ });
    await other.getByText('This technique is for SD 1.x.').waitFor();
    assert.equal(await other.getAttribute('aria-disabled'), 'true');
    await other.click({ force: true });
    await models.waitFor();
    await looks('files_model');
    await models.getByRole('option', { name: /dreamshaper_8/ }).click();
    await page.getByRole('button', { name: 'Model: dreamshaper_8' }).waitFor();

    // LoRAs: a list with weights; one is written into the words.
    await page.locator('.panel', { hasText: 'LoRAs' }).locator('summary').click();
    await page.getByRole('button', { name: /^Add a LoRA/ }).click();
    const list = page.getByRole('listbox', { name: 'Add a LoRA' });
    await list.getByText('For SDXL; the model is SD 1.x.').waitFor();
    await list.getByRole('option', { name: /^ink/ }).locator('img').waitFor();
    await shot('files_lora');
    await list.getByRole('option', { name: /^ink/ }).click();
    await page.getByRole('spinbutton', { name: 'Weight of ink' }).fill('0.6');
    const words = page.getByRole('textbox', { name: 'What you want to see' });
    await words.fill('the sea <lora:wash:0.25>');
    await words.blur();
    await p.becomes(() => page.getByRole('spinbutton', { name: 'Weight of wash' }).inputValue(), '0.25');
    await p.holds(page, 'What you want to see', 'the sea');

    // A ControlNet held to the picture's edges, another sampler, the model's own VAE.
    await page.locator('.panel', { hasText: 'ControlNet' }).locator('summary').click();
    await page.getByRole('button', { name: 'ControlNet: None' }).click();
    await page.getByRole('option', { name: /control_v11p_sd15_canny/ }).click();
    await page.getByRole('slider', { name: 'How strictly' }).fill('0.5');
    await page.locator('.panel', { hasText: 'Sampler and files' }).locator('summary').click();
    await page.getByRole('button', { name: 'Sampler: dpmpp_2m' }).click();
    await page.getByRole('combobox', { name: 'Sampler' }).fill('euler');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Sampler: euler', exact: true }).waitFor();
    await page.getByRole('button', { name: /^VAE:/ }).click();
    // Files of VAEs do not tell their family: a name may.
    const otherVae = page.getByRole('option', { name: /sdxl_vae/ });
    await otherVae.getByText('By its name for SDXL; the model is SD 1.x.').waitFor();
    await looks('files_vae');
    await page.getByRole('option', { name: /The model’s own/ }).click();
    await shot('files_form');
    await p.run(page);
    await p.finished(page);
    const [entry] = await p.ended(server, 1);
    assert.equal(entry.status.status_str, 'success');
    const nodes = Object.values(entry.prompt[2]);
    const of = (name) => nodes.filter((n) => n.class_type === name).map((n) => n.inputs);
    assert.equal(of('CheckpointLoaderSimple')[0].ckpt_name, 'dreamshaper_8.safetensors');
    assert.deepEqual(of('LoraLoader').map((l) => [l.lora_name, l.strength_model]), [['ink.safetensors', 0.6], ['wash.safetensors', 0.25]]);
    assert.equal(of('ControlNetApplyAdvanced')[0].strength, 0.5);
    assert.equal(of('KSampler')[0].sampler_name, 'euler');
    assert.equal(of('VAELoader').length, 0);

    // All of it comes back with the picture.
    await page.getByRole('button', { name: 'Remove ink' }).click();
    await page.getByRole('toolbar', { name: 'This picture' }).getByRole('button', { name: 'Settings' }).click();
    await p.becomes(() => page.getByRole('spinbutton', { name: 'Weight of ink' }).inputValue(), '0.6');
  },
};
