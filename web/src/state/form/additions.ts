// What a person adds to a technique: LoRAs, a ControlNet, a mask, another VAE. A workflow carries them as nodes with ids
// of their own, so that they are found again in any workflow that was made here. Pure functions.
import { clone } from '../../api/json';
import type { Prompt, PromptNode, Technique, Value } from '../../api/types';
import { isLink } from './draft';

export interface Lora {
  name: string;
  strength: number;
}
export interface Control {
  file: string;
  /** Empty: the technique's first picture. */
  picture: string;
  hint: 'none' | 'canny';
  strength: number;
  start: number;
  end: number;
}
export interface Mask {
  /** On the server; white is painted anew. */
  picture: string;
}
export interface Additions {
  loras: Lora[];
  control?: Control;
  mask?: Mask;
  /** A VAE file, or OWN_VAE; the technique's choice when left out. */
  vae?: string;
  /** What the model predicts, where it is not what its file tells: a choice of ModelSamplingDiscrete. */
  sampling?: string;
}

export const noAdditions: Additions = { loras: [] };
export const OWN_VAE = 'own';
export const MOST_LORAS = 19;

const LORA = 101; // and the numbers after it
const CONTROL = { loader: '121', picture: '122', edges: '123', apply: '125' };
const MASK = { load: '131', picture: '132', scaled: '133', mask: '134', latent: '135', paste: '136', model: '137' };
const VAE = '141';
const SAMPLING = '142';

type Slot = [string, number];

function isAdded(id: string): boolean {
  const number = Number(id);
  return (number >= LORA && number < LORA + MOST_LORAS) || (number >= 121 && number <= 142);
}

/** The node that loads the technique's (first) model. */
export function modelNode(prompt: Prompt): string | undefined {
  return Object.keys(prompt).find((id) => /Checkpoint.*Loader/.test(prompt[id]!.class_type));
}

function vaeNode(prompt: Prompt): string | undefined {
  return Object.keys(prompt).find((id) => prompt[id]!.class_type === 'VAELoader' && id !== VAE);
}

function linkOf(node: PromptNode | undefined, input: string): Slot | undefined {
  const value = node?.inputs[input];
  return isLink(value) ? (value as Slot) : undefined;
}

/** How a picture gets painted over: from its slot to the sampler. Only such a picture can have a mask. */
export interface PaintPath {
  picture: string;
  scale?: string;
  encode: string;
  sampler: string;
  decode: string;
  saves: [node: string, input: string][];
}

/** Nothing for techniques that only look at their pictures. */
export function paintPath(prompt: Prompt, picture: string): PaintPath | undefined {
  const find = (test: (node: PromptNode) => boolean) => Object.keys(prompt).find((id) => test(prompt[id]!));
  const from = (input: string, id: string) => (node: PromptNode) => linkOf(node, input)?.[0] === id;
  const scale = find((n) => n.class_type === 'ImageScale' && from('image', picture)(n));
  const encode = find((n) => n.class_type === 'VAEEncode' && from('pixels', scale ?? picture)(n));
  const sampler = encode && find((n) => n.class_type === 'KSampler' && from('latent_image', encode)(n));
  const decode = sampler && find((n) => n.class_type === 'VAEDecode' && from('samples', sampler)(n));
  if (!encode || !sampler || !decode) return undefined;
  const saves = Object.entries(prompt).flatMap(([id, node]) =>
    Object.keys(node.inputs).flatMap((input): [string, string][] => (from(input, decode)(node) ? [[id, input]] : [])),
  );
  return { picture, scale, encode, sampler, decode, saves };
}

class Builder {
  readonly prompt: Prompt;
  constructor(base: Prompt) {
    this.prompt = clone(base);
  }

  add(id: string, class_type: string, title: string, inputs: Record<string, Value>): void {
    this.prompt[id] = { class_type, inputs, _meta: { title } };
  }

  set(node: string, input: string, value: Value): void {
    this.prompt[node]!.inputs[input] = value;
  }

  /** Makes everything that took from one output take from another. */
  rewire([from, slot]: Slot, to: Slot): void {
    for (const node of Object.values(this.prompt)) {
      for (const [name, value] of Object.entries(node.inputs)) {
        if (isLink(value) && (value as Slot)[0] === from && (value as Slot)[1] === slot) node.inputs[name] = [...to];
      }
    }
  }
}

function addVae(b: Builder, vae: string | undefined): void {
  const model = modelNode(b.prompt);
  const loader = vaeNode(b.prompt);
  if (!vae || !model) return;
  if (vae === OWN_VAE) {
    if (!loader) return;
    b.rewire([loader, 0], [model, 2]);
    delete b.prompt[loader];
  } else if (loader) {
    b.set(loader, 'vae_name', vae);
  } else {
    b.rewire([model, 2], [VAE, 0]);
    b.add(VAE, 'VAELoader', 'VAE', { vae_name: vae });
  }
}

function addLoras(b: Builder, loras: Lora[]): void {
  const model = modelNode(b.prompt);
  if (!model || loras.length === 0) return;
  const last = String(LORA + loras.length - 1);
  b.rewire([model, 0], [last, 0]);
  b.rewire([model, 1], [last, 1]);
  loras.forEach(({ name, strength }, i) => {
    const before = i === 0 ? model : String(LORA + i - 1);
    b.add(String(LORA + i), 'LoraLoader', `LoRA ${i + 1}`, {
      model: [before, 0],
      clip: [before, 1],
      lora_name: name,
      strength_model: strength,
      strength_clip: strength,
    });
  });
}

function addSampling(b: Builder, sampling: string | undefined, loras: number): void {
  const model = modelNode(b.prompt);
  if (!model || !sampling) return;
  const from = loras > 0 ? String(LORA + loras - 1) : model;
  b.rewire([from, 0], [SAMPLING, 0]);
  b.add(SAMPLING, 'ModelSamplingDiscrete', 'Few steps', { model: [from, 0], sampling, zsnr: false });
}

/** The first sampler, whose conditioning a ControlNet acts on. */
function samplerNode(prompt: Prompt): string | undefined {
  return Object.keys(prompt).find((id) => linkOf(prompt[id], 'positive') && linkOf(prompt[id], 'latent_image'));
}

function addControl(b: Builder, control: Control | undefined, technique: Technique): void {
  const sampler = samplerNode(b.prompt);
  const negative = linkOf(b.prompt[sampler ?? ''], 'negative');
  const slot = technique.pictures[0]?.node;
  if (!control?.file || !sampler || !negative) return;
  if (control.picture) b.add(CONTROL.picture, 'LoadImage', 'Hint', { image: control.picture });
  else if (!slot) return;
  let picture: Slot = [control.picture ? CONTROL.picture : slot!, 0];
  if (control.hint === 'canny') {
    b.add(CONTROL.edges, 'Canny', 'Edges of the hint', { image: picture, low_threshold: 0.2, high_threshold: 0.5 });
    picture = [CONTROL.edges, 0];
  }
  b.add(CONTROL.loader, 'ControlNetLoader', 'ControlNet', { control_net_name: control.file });
  b.add(CONTROL.apply, 'ControlNetApplyAdvanced', 'Hold to the hint', {
    positive: linkOf(b.prompt[sampler], 'positive')!,
    negative,
    control_net: [CONTROL.loader, 0],
    image: picture,
    strength: control.strength,
    start_percent: control.start,
    end_percent: control.end,
  });
  b.set(sampler, 'positive', [CONTROL.apply, 0]);
  b.set(sampler, 'negative', [CONTROL.apply, 1]);
}

/** `inpainting`: the model is one that takes the mask and what surrounds it as further channels. */
function addMask(b: Builder, mask: Mask | undefined, technique: Technique, inpainting: boolean): void {
  const picture = technique.pictures[0]?.node;
  const path = picture && paintPath(b.prompt, picture);
  if (!mask || !path) return;
  b.add(MASK.load, 'LoadImageMask', 'Mask', { image: mask.picture, channel: 'red' });
  let part: Slot = [MASK.load, 0];
  if (path.scale) {
    // The mask is brought to size just as the picture is, so that they stay on each other.
    const scale = b.prompt[path.scale]!.inputs;
    b.add(MASK.picture, 'MaskToImage', 'Mask as a picture', { mask: part });
    b.add(MASK.scaled, 'ImageScale', 'Fit the mask to size', { ...scale, upscale_method: 'bilinear', image: [MASK.picture, 0] });
    b.add(MASK.mask, 'ImageToMask', 'Mask at size', { image: [MASK.scaled, 0], channel: 'red' });
    part = [MASK.mask, 0];
  }
  if (inpainting) {
    const sampler = b.prompt[path.sampler]!;
    const { pixels, vae } = b.prompt[path.encode]!.inputs;
    b.add(MASK.model, 'InpaintModelConditioning', 'What surrounds the mask', {
      positive: sampler.inputs['positive']!,
      negative: sampler.inputs['negative']!,
      vae: vae!,
      pixels: pixels!,
      mask: part,
      noise_mask: true,
    });
    b.set(path.sampler, 'positive', [MASK.model, 0]);
    b.set(path.sampler, 'negative', [MASK.model, 1]);
    b.set(path.sampler, 'latent_image', [MASK.model, 2]);
  } else {
    b.add(MASK.latent, 'SetLatentNoiseMask', 'Paint here only', { samples: [path.encode, 0], mask: part });
    b.set(path.sampler, 'latent_image', [MASK.latent, 0]);
  }
  // Encoding and decoding change a picture a little everywhere; outside the mask it stays as it was.
  b.add(MASK.paste, 'ImageCompositeMasked', 'Keep the rest', {
    destination: [path.scale ?? path.picture, 0],
    source: [path.decode, 0],
    x: 0,
    y: 0,
    resize_source: false,
    mask: part,
  });
  for (const [node, input] of path.saves) b.set(node, input, [MASK.paste, 0]);
}

/** The workflow that is run. */
export function assemble(base: Prompt, technique: Technique, additions: Additions, inpainting = false): Prompt {
  const b = new Builder(base);
  addVae(b, additions.vae);
  addLoras(b, additions.loras);
  addSampling(b, additions.sampling, additions.loras.length);
  addControl(b, additions.control, technique);
  addMask(b, additions.mask, technique, inpainting);
  return b.prompt;
}

function readLoras(prompt: Prompt): Lora[] {
  const loras: Lora[] = [];
  for (let id = LORA; prompt[String(id)]; id++) {
    const { lora_name, strength_model } = prompt[String(id)]!.inputs;
    loras.push({ name: String(lora_name), strength: Number(strength_model) });
  }
  return loras;
}

function readControl(prompt: Prompt): Control | undefined {
  const apply = prompt[CONTROL.apply]?.inputs;
  const loader = prompt[CONTROL.loader]?.inputs;
  if (!apply || !loader) return undefined;
  return {
    file: String(loader['control_net_name']),
    picture: String(prompt[CONTROL.picture]?.inputs['image'] ?? ''),
    hint: prompt[CONTROL.edges] ? 'canny' : 'none',
    strength: Number(apply['strength']),
    start: Number(apply['start_percent']),
    end: Number(apply['end_percent']),
  };
}

/** The inverse of assemble(): nothing when the workflow is not this technique with additions. */
export function takeApart(prompt: Prompt, technique: Technique): { base: Prompt; additions: Additions } | undefined {
  const ids = Object.keys(technique.prompt);
  const loader = vaeNode(technique.prompt);
  const without = loader !== undefined && !prompt[loader];
  if (Object.keys(prompt).some((id) => !(id in technique.prompt) && !isAdded(id))) return undefined;
  const base: Prompt = {};
  for (const id of ids) {
    const shipped = technique.prompt[id]!;
    const found = id === loader && without ? shipped : prompt[id];
    if (found?.class_type !== shipped.class_type) return undefined;
    const node = clone(found);
    for (const [name, value] of Object.entries(shipped.inputs)) if (isLink(value)) node.inputs[name] = clone(value);
    base[id] = node;
  }
  const additions: Additions = { loras: readLoras(prompt) };
  const control = readControl(prompt);
  if (control) additions.control = control;
  const mask = prompt[MASK.load]?.inputs['image'];
  if (mask !== undefined) additions.mask = { picture: String(mask) };
  if (without) additions.vae = OWN_VAE;
  else if (prompt[VAE]) additions.vae = String(prompt[VAE]!.inputs['vae_name']);
  const sampling = prompt[SAMPLING]?.inputs['sampling'];
  if (sampling !== undefined) additions.sampling = String(sampling);
  return { base, additions };
}

export interface ReadWorkflow {
  technique: Technique;
  base: Prompt;
  additions: Additions;
}

/** The technique a workflow was made with: the one it names if it fits, else any that does. */
export function readWorkflow(prompt: Prompt, name: string | undefined, techniques: Technique[]): ReadWorkflow | undefined {
  const named = techniques.filter((t) => t.name === name);
  for (const technique of [...named, ...techniques]) {
    const parts = takeApart(prompt, technique);
    if (parts) return { technique, ...parts };
  }
  return undefined;
}
