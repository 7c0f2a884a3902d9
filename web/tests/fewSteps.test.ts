import { describe, expect, it } from 'vitest';
import type { FewSteps, ModelFile, Prompt } from '../src/api/types';
import { assemble, noAdditions, takeApart } from '../src/state/form/additions';
import { inWords, proposal } from '../src/state/form/fewSteps';
import { prompt, technique } from './samples';

const lcm: FewSteps = { title: 'LCM', steps: 4, cfg: 1, sampler: 'lcm', scheduler: 'sgm_uniform', sampling: 'lcm', remark: '' };
const turbo: FewSteps = { ...lcm, title: 'Turbo', steps: 1, sampler: 'euler_ancestral', sampling: '' };
const file = (name: string, few_steps?: FewSteps): ModelFile => ({ folder: 'checkpoints', name, few_steps });

function withSampler(values: Record<string, string | number>): Prompt {
  const sampler = prompt['8']!;
  return { ...prompt, '8': { ...sampler, inputs: { ...sampler.inputs, sampler_name: 'dpmpp_2m', scheduler: 'karras', ...values } } };
}
const usual = { ...technique, prompt: withSampler({}) };
const chosen = { technique: usual, prompt: usual.prompt, additions: noAdditions, model: file('a'), loras: [], files: [] };

describe('settings for few steps', () => {
  it('are proposed for a model and for a LoRA, the LoRA before the model', () => {
    expect(proposal(chosen)).toBeUndefined();
    const ofModel = proposal({ ...chosen, model: file('turbo', turbo) });
    expect(ofModel).toMatchObject({ title: 'Turbo', node: '8' });
    const ofLora = proposal({ ...chosen, model: file('turbo', turbo), loras: [file('plain'), file('lcm', lcm)] });
    expect(ofLora?.title).toBe('LCM');
    expect(inWords(ofLora!.settings)).toBe('4 steps, cfg 1, lcm, sgm_uniform, sampling lcm');
  });

  it('take enough steps to keep something of the picture', () => {
    const steps = (denoise: number) => proposal({ ...chosen, prompt: withSampler({ denoise }), model: file('t', turbo) })?.settings.steps;
    expect([1, 0.5, 0.6, 0.7, 0.95].map(steps)).toEqual([1, 1, 2, 3, 4]);
  });

  it('are not proposed again once they are taken, and lead back when the model is another', () => {
    const taken = withSampler({ steps: 4, cfg: 1, sampler_name: 'lcm', scheduler: 'sgm_uniform' });
    const additions = { ...noAdditions, sampling: 'lcm' };
    const files = [file('lcm', lcm)];
    expect(proposal({ ...chosen, prompt: taken, additions, model: file('lcm', lcm), files })).toBeUndefined();
    const back = proposal({ ...chosen, prompt: taken, additions, files });
    expect(back).toMatchObject({ title: '', settings: { steps: 20, cfg: 7, sampler: 'dpmpp_2m', scheduler: 'karras', sampling: '' } });
    // What a person chose without any such model is theirs.
    expect(proposal({ ...chosen, prompt: withSampler({ steps: 4, cfg: 2 }), files })).toBeUndefined();
  });

  it('set what the model predicts behind the LoRAs, and that is found again', () => {
    const additions = { loras: [{ name: 'lcm.safetensors', strength: 1 }], sampling: 'lcm' };
    const made = assemble(prompt, technique, additions);
    expect(made['8']!.inputs['model']).toEqual(['142', 0]);
    expect(made['142']).toMatchObject({ class_type: 'ModelSamplingDiscrete', inputs: { model: ['101', 0], sampling: 'lcm', zsnr: false } });
    expect(made['101']!.inputs['model']).toEqual(['1', 0]);
    expect(takeApart(made, technique)).toEqual({ base: prompt, additions });
    expect(assemble(prompt, technique, { loras: [], sampling: 'x0' })['142']!.inputs['model']).toEqual(['1', 0]);
  });
});
