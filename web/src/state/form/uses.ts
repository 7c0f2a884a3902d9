// What a finished picture can be used for: a mask, a hint, a larger one.
import * as routes from '../../api/routes';
import type { ImageRef, Prompt } from '../../api/types';
import { wordsOfJob } from '../jobs/about';
import type { Job } from '../jobs/jobs';
import { follow, noteOf, refreshQueue } from '../jobs/session';
import { say } from '../notices';
import { column, setView } from '../view';
import { techniques } from './catalog';
import { choicesOf, fileNamed, wantInfo, whyNot } from './catalog';
import * as compose from './compose';
import { queueJob } from './send';

function toForm(words: string): void {
  setView('paint');
  column.value = 'compose';
  say(words);
}

/** Takes a picture as the mask: white is painted anew. */
export function useAsMask(image: ImageRef): void {
  if (!compose.painted.value) return say('This technique does not paint over its picture, so it has no mask.', 'bad');
  compose.add({ mask: { picture: routes.imageName(image) } });
  toForm('It is the mask now: what is white in it is painted anew.');
}

/** Takes a picture as the hint of the ControlNet; the first one that fits is chosen where there is none yet. */
export function useAsHint(image: ImageRef): void {
  const model = fileNamed('checkpoints', compose.checkpoint.value ?? '');
  const fits = choicesOf('ControlNetLoader', 'control_net_name').find(
    (name) => !whyNot(fileNamed('controlnet', name), model, ['controlnet', 't2i_adapter']),
  );
  const now = compose.additions.value.control;
  const file = now?.file || fits;
  if (!file) return say('There is no ControlNet here that fits the model.', 'bad');
  const picture = routes.imageName(image);
  compose.add({ control: { hint: 'canny', strength: 1, start: 0, end: 1, ...now, file, picture } });
  toForm('It is the hint now.');
}

export function wantUpscalers(): void {
  wantInfo('UpscaleModelLoader');
}

/** The upscale models there are. */
export function upscalers(): string[] {
  return choicesOf('UpscaleModelLoader', 'model_name');
}

const REPAINT = 0.35;

/** Makes a picture larger: at once with an upscale model, else by painting over it at twice the size. */
export async function enlarge(job: Job, image: ImageRef, size: { width: number; height: number }): Promise<void> {
  const file = upscalers()[0];
  const name = routes.imageName(image);
  if (!file) return paintLarger(job, name, size);
  const prompt: Prompt = {
    '1': { class_type: 'LoadImage', inputs: { image: name }, _meta: { title: 'Picture' } },
    '2': { class_type: 'UpscaleModelLoader', inputs: { model_name: file }, _meta: { title: 'Upscale model' } },
    '3': { class_type: 'ImageUpscaleWithModel', inputs: { upscale_model: ['2', 0], image: ['1', 0] }, _meta: { title: 'Enlarge' } },
    '4': { class_type: 'SaveImage', inputs: { images: ['3', 0], filename_prefix: 'large' }, _meta: { title: 'Result' } },
  };
  try {
    follow(await queueJob(prompt, { extra_pnginfo: { easel: {} } }));
    column.value = 'stage';
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), 'bad');
  }
  void refreshQueue();
}

function paintLarger(job: Job, name: string, size: { width: number; height: number }): void {
  const wanted = noteOf(job).technique?.includes('sdxl') ? 'img2img_sdxl' : 'img2img';
  const technique = techniques.value.find((t) => t.name === wanted && !t.missing) ?? techniques.value.find((t) => t.name === 'img2img');
  if (!technique || technique.missing) return say('Painting larger needs the technique “Draw over a picture”.', 'bad');
  const words = wordsOfJob(job);
  compose.chooseTechnique(technique);
  compose.setPicture(technique.pictures[0]!.node, name);
  compose.learnShape(name, size);
  if (words) compose.setWords('prompts', words);
  compose.sizeFollows.value = false;
  compose.setSize({ width: Math.round(size.width / 4) * 8, height: Math.round(size.height / 4) * 8 });
  const change = technique.knobs.find((k) => k.input === 'denoise');
  if (change) compose.setInput(change.node, 'denoise', REPAINT);
  toForm('There is no upscale model here, so the form is set to paint it again at twice the size.');
}
