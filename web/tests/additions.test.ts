import { describe, expect, it } from 'vitest';
import { type Additions, assemble, noAdditions, OWN_VAE, paintPath, readWorkflow, takeApart } from '../src/state/form/additions';
import { kindred, whyNot, whyNotModel } from '../src/state/form/catalog';
import { partLoras } from '../src/state/form/wordTools';
import { cutOff, sayCut, sizeLike } from '../src/state/form/size';
import { prompt, technique } from './samples';

const all: Additions = {
  loras: [
    { name: 'ink.safetensors', strength: 0.8 },
    { name: 'sub/wash.safetensors', strength: -0.5 },
  ],
  control: { file: 'canny.safetensors', picture: '', hint: 'canny', strength: 0.7, start: 0.1, end: 0.9 },
  mask: { picture: 'sea-mask.png' },
  vae: 'better.safetensors',
};

describe('what is added to a technique', () => {
  it('becomes nodes, and is found again in them', () => {
    const made = assemble(prompt, technique, all);
    expect(takeApart(made, technique)).toEqual({ base: prompt, additions: all });
    expect(takeApart(prompt, technique)).toEqual({ base: prompt, additions: noAdditions });
    const hint = { ...all, control: { ...all.control!, picture: 'hint.png', hint: 'none' as const } };
    expect(takeApart(assemble(prompt, technique, hint), technique)?.additions).toEqual(hint);
  });

  it('is linked in the order in which it acts', () => {
    const made = assemble(prompt, technique, all);
    expect(made['8']!.inputs['model']).toEqual(['102', 0]);
    expect(made['102']!.inputs).toMatchObject({ model: ['101', 0], clip: ['101', 1], strength_model: -0.5 });
    expect(made['101']!.inputs['model']).toEqual(['1', 0]);
    expect(made['6']!.inputs['clip']).toEqual(['102', 1]);
    expect(made['5']!.inputs['vae']).toEqual(['141', 0]);
    expect(made['125']!.inputs).toMatchObject({ positive: ['6', 0], negative: ['7', 0], image: ['123', 0] });
    expect(made['8']!.inputs['positive']).toEqual(['125', 0]);
    expect(made['8']!.inputs['latent_image']).toEqual(['135', 0]);
    expect(made['10']!.inputs['images']).toEqual(['136', 0]);
    expect(made['136']!.inputs).toMatchObject({ destination: ['3', 0], source: ['9', 0] });
    // Every link leads to a node that is there.
    for (const node of Object.values(made)) {
      for (const value of Object.values(node.inputs)) if (Array.isArray(value)) expect(made).toHaveProperty([String(value[0])]);
    }
  });

  it('gives an inpainting model what surrounds the mask', () => {
    const made = assemble(prompt, technique, { loras: [], mask: { picture: 'm.png' } }, true);
    expect(made['8']!.inputs).toMatchObject({ positive: ['137', 0], negative: ['137', 1], latent_image: ['137', 2] });
    expect(made['137']!.inputs).toMatchObject({ positive: ['6', 0], pixels: ['3', 0], vae: ['1', 2] });
    expect(takeApart(made, technique)?.additions.mask).toEqual({ picture: 'm.png' });
  });

  it('takes the VAE of the model where it is to', () => {
    const own = { ...technique, prompt: { ...prompt, '2': { class_type: 'VAELoader', inputs: { vae_name: 'v.pt' } }, '5': { class_type: 'VAEEncode', inputs: { pixels: ['3', 0], vae: ['2', 0] } } } } as typeof technique;
    const made = assemble(own.prompt, own, { loras: [], vae: OWN_VAE });
    expect(made['2']).toBeUndefined();
    expect(made['5']!.inputs['vae']).toEqual(['1', 2]);
    expect(takeApart(made, own)).toEqual({ base: own.prompt, additions: { loras: [], vae: OWN_VAE } });
  });

  it('leaves other workflows alone', () => {
    expect(takeApart({ ...prompt, '99': { class_type: 'ImageInvert', inputs: { image: ['3', 0] } } }, technique)).toBeUndefined();
    const { '10': _gone, ...less } = prompt;
    expect(takeApart(less, technique)).toBeUndefined();
    const twin = { ...technique, name: 'twin' };
    expect(readWorkflow(prompt, 'twin', [technique, twin])?.technique.name).toBe('twin');
    expect(readWorkflow(prompt, undefined, [technique, twin])?.technique.name).toBe('img2img');
    expect(paintPath(prompt, '3')).toMatchObject({ encode: '5', sampler: '8', decode: '9', saves: [['10', 'images']] });
    expect(paintPath(prompt, '1')).toBeUndefined();
  });
});

describe('files', () => {
  const file = (family: string, kind = 'lora', problem = '') => ({ folder: 'loras', name: 'x', kind, family, summary: `LoRA for ${family}`, problem });

  it('that do not go with the model say why', () => {
    const model = file('SD 1.x', 'checkpoint');
    expect(whyNot(file('SD 1.x'), model, ['lora'])).toBeUndefined();
    expect(whyNot(file('SDXL'), model, ['lora'])).toBe('For SDXL; the model is SD 1.x.');
    expect(whyNot(file(''), model, ['lora'])).toBeUndefined();
    expect(whyNot(file('SD 1.x', 'vae'), model, ['lora'])).toContain('It is a');
    expect(whyNot(file('SD 1.x', 'lora', 'cut short'), model, ['lora'])).toBe('cut short');
    expect(whyNot(undefined, model, ['lora'])).toBeUndefined();
    // What comes with the program goes with itself only.
    const own = { ...file('SD 1.x'), built_in: true };
    expect(whyNot(own, model, ['lora'])).toBe('It is for the small built-in model.');
    expect(whyNot(file('SD 1.x'), { ...model, built_in: true }, ['lora'])).toContain('takes only files that are built in');
    expect(whyNot(own, { ...model, built_in: true }, ['lora'])).toBeUndefined();
    expect(whyNot(own, undefined, ['lora'])).toBeUndefined();
    expect(kindred('SD 2.1 unCLIP-H')).toBe('SD 2');
    expect(kindred('SDXL refiner')).not.toBe(kindred('SDXL'));
    expect(whyNotModel(file('SD 2.1 unCLIP-L'), file('SD 2.1 unCLIP-H'))).toBeUndefined();
    expect(whyNotModel(file('SD 2.1'), file('SD 2.1 unCLIP-H'))).toBe('This technique is for SD 2.1 unCLIP-H.');
  });

  it('are taken from the words when they are written there', () => {
    const files = ['sub/Ink Wash.safetensors', 'glow.pt'];
    expect(partLoras('a boat <lora:ink wash:0.7>, <lora:GLOW>', files)).toEqual({
      words: 'a boat,',
      loras: [{ name: files[0], strength: 0.7 }, { name: files[1], strength: 1 }],
    });
    expect(partLoras('a boat <lora:none:1>', files)).toEqual({ words: 'a boat <lora:none:1>', loras: [] });
  });
});

describe('the size', () => {
  it('has the shape of the picture, in steps of 8', () => {
    expect(sizeLike({ width: 512, height: 512 }, 512 * 512)).toEqual({ width: 512, height: 512 });
    expect(sizeLike({ width: 240, height: 160 }, 512 * 512)).toEqual({ width: 624, height: 416 });
    expect(sizeLike({ width: 10, height: 4000 }, 512 * 512).width).toBe(64);
  });

  it('says what it cuts off', () => {
    expect(sayCut({ width: 240, height: 160 }, { width: 624, height: 416 })).toBeUndefined();
    expect(sayCut({ width: 240, height: 160 }, { width: 512, height: 512 })).toContain('17 % off the left');
    expect(sayCut({ width: 160, height: 240 }, { width: 512, height: 512 })).toContain('17 % off the top');
    expect(cutOff({ width: 4, height: 2 }, { width: 2, height: 2 })).toEqual({ x: 0.5, y: 0 });
  });
});

