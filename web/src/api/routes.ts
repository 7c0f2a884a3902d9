// The server's routes, one function each.
import { addressWithToken, get, post, send } from './http';
import type { ExtraData, FleetState, History, ImageRef, ModelFile, NodeInfo, PictureFormat, Prompt, QueueState, Technique } from './types';

export const techniques = () => get<Technique[]>('easel/techniques');
/** What each model file is, and what it goes with. */
export const modelFiles = () => get<ModelFile[]>('easel/models');
export const embeddings = () => get<string[]>('embeddings');
/** By node class, the inputs that hold text of a prompt. */
export const promptTexts = () => get<Record<string, string[]>>('easel/prompt_texts');
/** The formats of pictures that the server reads. */
export const pictureFormats = () => get<PictureFormat[]>('easel/picture_formats');
/** How many tokens each chunk of the text takes. */
export const tokenCounts = (text: string) => post<{ chunks: number[] }>('easel/tokens', { text });
export const queue = () => get<QueueState>('queue');
/** The runners behind the server. */
export const fleet = () => get<FleetState>('fleet');
export const historyOf = (id: string) => get<History>(`history/${encodeURIComponent(id)}`);
/** The newest finished jobs, oldest of them first. */
export const newestHistory = (count: number) => get<History>('history', { max_items: String(count) });
export const allNodes = () => get<Record<string, NodeInfo>>('object_info');

const nodeInfos = new Map<string, Promise<NodeInfo | undefined>>();

/** The definition of one node class, asked for once. */
export function nodeInfo(name: string): Promise<NodeInfo | undefined> {
  let info = nodeInfos.get(name);
  if (!info) {
    info = get<Record<string, NodeInfo>>(`object_info/${encodeURIComponent(name)}`).then((all) => all[name]);
    info.catch(() => nodeInfos.delete(name));
    nodeInfos.set(name, info);
  }
  return info;
}

/** Queues a job. Throws HttpError with a PromptFault as its body when the prompt is refused. */
export function queuePrompt(order: {
  prompt: Prompt;
  client_id: string;
  prompt_id: string;
  extra_data: ExtraData;
}): Promise<{ prompt_id: string; number: number }> {
  return post('prompt', order);
}

export const cancelJobs = (ids: string[]) => post('queue', { delete: ids });
export const clearQueue = () => post('queue', { clear: true });
/** Moves a waiting job before another one, or last. */
export const moveJob = (id: string, before: string | null) => post('queue', { move: { id, before } });
export const pauseQueue = (pause: boolean) => post('queue', { pause });
export const interrupt = (id: string) => post('interrupt', { prompt_id: id });
export const forgetJobs = (ids: string[]) => post('history', { delete: ids });

/** Stores a picture in the server's input folder. */
export async function upload(file: Blob, name: string): Promise<ImageRef> {
  const form = new FormData();
  form.set('image', file, name);
  form.set('type', 'input');
  const stored = await send<{ name: string; subfolder: string; type: string }>('upload/image', {
    method: 'POST',
    body: form,
  });
  return { filename: stored.name, subfolder: stored.subfolder, type: stored.type };
}

/** A value that the server keeps for the page; nothing when it has none. */
export const setting = <T>(id: string) => get<T | undefined>(`settings/${encodeURIComponent(id)}`);
export const keepSetting = (id: string, value: unknown) => post(`settings/${encodeURIComponent(id)}`, value);

/** Deletes the files of pictures for good. */
export const deletePictures = (images: ImageRef[]) => post('easel/pictures/delete', { images });

/** Where the picture beside a model file is to be had. */
export function modelPicture(file: ModelFile): string {
  return addressWithToken('easel/models/picture', { folder: file.folder, filename: file.name });
}

// Formats that few browsers show; the server turns them into another.
const UNSHOWN = /\.(tiff?|hei[cf]|hif|jxl)$/i;

function viewed(image: ImageRef, unshownAs: Record<string, string>): string {
  const { filename, subfolder, type } = image;
  return addressWithToken('view', { filename, subfolder, type, ...(UNSHOWN.test(filename) ? unshownAs : {}) });
}

/** Where a picture is to be had, for an <img>. */
export function viewAddress(image: ImageRef): string {
  return viewed(image, { preview: 'webp;90' });
}

/** Where a picture is to be had with all its pixels unchanged, for a canvas. */
export function exactAddress(image: ImageRef): string {
  return viewed(image, { channel: 'rgb' });
}

/** The picture a LoadImage node names: "sub/a.png [output]". */
export function inputImage(name: string): ImageRef {
  const match = /^(.*) \[(input|output|temp)\]$/.exec(name);
  const path = match?.[1] ?? name;
  const cut = path.lastIndexOf('/');
  return { filename: path.slice(cut + 1), subfolder: path.slice(0, Math.max(cut, 0)), type: match?.[2] ?? 'input' };
}

/** The inverse of inputImage(). */
export function imageName(image: ImageRef): string {
  const path = image.subfolder ? `${image.subfolder}/${image.filename}` : image.filename;
  return image.type === 'input' ? path : `${path} [${image.type}]`;
}
