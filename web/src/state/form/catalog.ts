// What the server has: techniques, definitions of nodes, model files and what goes with what.
import { signal } from '@preact/signals';
import * as routes from '../../api/routes';
import type { ModelFile, NodeInfo, Technique, Value } from '../../api/types';

export const techniques = signal<Technique[]>([]);
export const infos = signal<Record<string, NodeInfo>>({});
export const modelFiles = signal<ModelFile[]>([]);
export const embeddings = signal<string[]>([]);
/** By node class, the inputs that hold text of a prompt. */
export const promptTexts = signal<Record<string, string[]>>({});

/** The definition of a node class, asked for once; nothing when there is none to be had. */
export async function infoOf(name: string): Promise<NodeInfo | undefined> {
  const known = infos.peek()[name];
  if (known || !name) return known;
  const info = await routes.nodeInfo(name).catch(() => undefined);
  if (info) infos.value = { ...infos.value, [name]: info };
  return info;
}

export function wantInfo(name: string): void {
  void infoOf(name);
}

/** Asks for what the model files are; a server that does not tell leaves the lists plain. */
export async function loadModelFiles(): Promise<void> {
  [modelFiles.value, embeddings.value] = await Promise.all([
    routes.modelFiles().catch(() => []),
    routes.embeddings().catch(() => []),
  ]);
}

export async function loadPromptTexts(): Promise<void> {
  promptTexts.value = await routes.promptTexts().catch(() => ({}));
}

/** What can be chosen for an input of a node. */
export function choicesOf(className: string, input: string): string[] {
  const info = infos.value[className];
  const spec = info?.input.required?.[input] ?? info?.input.optional?.[input];
  return Array.isArray(spec?.[0]) ? (spec[0] as Value[]).map(String) : [];
}

export function fileNamed(folder: string, name: string): ModelFile | undefined {
  return modelFiles.value.find((file) => file.folder === folder && file.name === name);
}

/** Families that take each other's adapters: "SD 2.1 unCLIP-H" is one of "SD 2". Unknown ones are nothing. */
export function kindred(family: string | undefined): string | undefined {
  if (!family || /unknown/i.test(family)) return undefined;
  if (/refiner/i.test(family)) return 'SDXL refiner';
  return /^(SD \d|SDXL)/.exec(family)?.[1] ?? family;
}

/** Why a file that came with the program does not go with others, or the reverse. */
function whyNotTogether(file: ModelFile, model: ModelFile | undefined): string | undefined {
  if (!model || !file.built_in === !model.built_in) return undefined;
  return file.built_in ? 'It is for the small built-in model.' : 'The small built-in model takes only files that are built in.';
}

/** Why a file does not go with a model; nothing when it does, or when that is not known. */
export function whyNot(file: ModelFile | undefined, model: ModelFile | undefined, kinds: string[]): string | undefined {
  if (!file) return undefined;
  if (file.problem) return file.problem;
  if (file.kind && file.kind !== 'unknown' && !kinds.includes(file.kind)) return `It is a ${file.summary ?? file.kind}.`;
  const [its, wanted] = [kindred(file.family), kindred(model?.family)];
  if (its && wanted && its !== wanted) return `For ${file.family}; the model is ${model!.family}.`;
  return whyNotTogether(file, model);
}

/** Why a checkpoint cannot take the place of the technique's own. */
export function whyNotModel(file: ModelFile | undefined, own: ModelFile | undefined): string | undefined {
  if (!file) return undefined;
  if (file.problem) return file.problem;
  if (!file.family || !own?.family) return undefined;
  const unclip = (family: string) => /unclip/i.test(family);
  if (kindred(file.family) === kindred(own.family) && (!unclip(own.family) || unclip(file.family))) return undefined;
  return `This technique is for ${own.family}.`;
}

/** Why a VAE may not go with the model: files of both families look alike, so that only their names can tell. */
export function vaeDoubt(name: string, model: ModelFile | undefined): string | undefined {
  const wanted = kindred(model?.family);
  const its = /xl/i.test(name) ? 'SDXL' : /ft-(mse|ema)|kl-f8|sd-?v?[12]/i.test(name) ? 'SD' : undefined;
  if (!its || !wanted || wanted.startsWith('SDXL') === (its === 'SDXL')) return undefined;
  return `By its name for ${its === 'SDXL' ? 'SDXL' : 'SD 1.x and 2.x'}; the model is ${model!.family}.`;
}
