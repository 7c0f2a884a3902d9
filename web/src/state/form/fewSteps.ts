// Models and LoRAs that were distilled to few steps: what the page proposes when one is chosen. Pure functions.
import type { FewSteps, ModelFile, Prompt, Technique } from '../../api/types';
import type { Additions } from './additions';
import { isLink } from './draft';

/** The settings of a sampler, and what its model is made to predict. */
export interface Settings {
  steps: number;
  cfg: number;
  sampler: string;
  scheduler: string;
  sampling: string;
}

export interface Proposal {
  /** "Lightning, 4 steps"; empty: the technique's own settings, for a model of the usual kind. */
  title: string;
  remark: string;
  node: string;
  settings: Settings;
}

const MOST_RAISED = 4;

/** A KSampler takes the last `steps` of int(steps / denoise): too few of them keep nothing of the picture. */
function stepsFor(steps: number, denoise: number): number {
  if (!(denoise > 0 && denoise < 1)) return steps;
  let raised = steps;
  while (raised < MOST_RAISED && Math.trunc(raised / denoise) <= raised) raised++;
  return raised;
}

function samplerNode(prompt: Prompt): string | undefined {
  return Object.keys(prompt).find((id) => prompt[id]!.class_type === 'KSampler');
}

function settingsOf(prompt: Prompt, node: string, sampling: string | undefined): Settings | undefined {
  const inputs = prompt[node]?.inputs;
  if (!inputs || ['steps', 'cfg', 'sampler_name', 'scheduler'].some((name) => inputs[name] === undefined || isLink(inputs[name]))) return undefined;
  return {
    steps: Number(inputs['steps']),
    cfg: Number(inputs['cfg']),
    sampler: String(inputs['sampler_name']),
    scheduler: String(inputs['scheduler']),
    sampling: sampling ?? '',
  };
}

function same(a: Settings, b: Settings): boolean {
  return a.steps === b.steps && a.cfg === b.cfg && a.sampler === b.sampler && a.scheduler === b.scheduler && a.sampling === b.sampling;
}

/** "4 steps, cfg 1, lcm, sgm_uniform" */
export function inWords(s: Settings): string {
  const words = [`${s.steps} step${s.steps === 1 ? '' : 's'}`, `cfg ${s.cfg}`, s.sampler, s.scheduler];
  return [...words, ...(s.sampling ? [`sampling ${s.sampling}`] : [])].join(', ');
}

/** What made the model at hand one of few steps: the last such LoRA, else the model itself. */
function distilled(model: ModelFile | undefined, loras: ModelFile[]): FewSteps | undefined {
  return [model, ...loras].flatMap((file) => (file?.few_steps ? [file.few_steps] : [])).at(-1);
}

interface Chosen {
  technique: Technique;
  prompt: Prompt;
  additions: Additions;
  model: ModelFile | undefined;
  /** The LoRAs that have a weight. */
  loras: ModelFile[];
  /** All files there are: settings of one of them are nobody's own. */
  files: ModelFile[];
}

/**
 * What suits the files that are chosen, where the form holds something else. For usual models that is the technique's
 * own, proposed only while the form holds the settings of some distilled model.
 */
export function proposal({ technique, prompt, additions, model, loras, files }: Chosen): Proposal | undefined {
  const node = samplerNode(prompt);
  const now = node && settingsOf(prompt, node, additions.sampling);
  if (!node || !now) return undefined;
  const denoise = Number(prompt[node]!.inputs['denoise'] ?? 1);
  const asked = ({ steps, cfg, sampler, scheduler, sampling }: FewSteps): Settings => ({
    steps: stepsFor(steps, denoise),
    cfg,
    sampler,
    scheduler,
    sampling,
  });
  const few = distilled(model, loras);
  if (few) return same(asked(few), now) ? undefined : { title: few.title, remark: few.remark, node, settings: asked(few) };
  const own = settingsOf(technique.prompt, node, undefined);
  const foreign = files.some((file) => file.few_steps && same({ ...asked(file.few_steps), steps: now.steps }, now));
  return own && foreign && !same(own, now) ? { title: '', remark: '', node, settings: own } : undefined;
}
