// Pictures on their way to the server: what it reads goes as it is, what else the browser can show goes as PNG.
import { signal } from '@preact/signals';
import { HttpError } from '../../api/http';
import * as routes from '../../api/routes';
import type { ImageRef, PictureFormat } from '../../api/types';

// Until the server has said what it reads, or where it does not say.
const formats = signal<PictureFormat[]>([
  { name: 'PNG', mime: 'image/png', endings: ['.png'] },
  { name: 'JPEG', mime: 'image/jpeg', endings: ['.jpg', '.jpeg'] },
  { name: 'WebP', mime: 'image/webp', endings: ['.webp'] },
]);

export async function loadPictureFormats(): Promise<void> {
  formats.value = await routes.pictureFormats().catch(() => formats.value);
}

function isTaken(file: File): boolean {
  const name = file.name.toLowerCase();
  // Systems that do not know a format give its files no type.
  return formats.value.some((f) => f.mime === file.type || f.endings.some((ending) => name.endsWith(ending)));
}

/** Whether the file may be a picture, by its name and type. */
export function isPicture(file: File): boolean {
  return file.type.startsWith('image/') || isTaken(file);
}

/** For the `accept` of a field that takes pictures. */
export function acceptedPictures(): string {
  return ['image/*', ...formats.value.flatMap((f) => f.endings)].join(',');
}

/** Throws Error, in words for people, when the file is no picture that can be read. */
async function usablePicture(file: File): Promise<{ blob: Blob; name: string }> {
  const name = file.name || 'pasted.png';
  if (file.size === 0) throw new Error(`“${name}” is empty.`);
  if (isTaken(file)) return { blob: file, name };
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`“${name}” is not a picture that can be read here. The server reads ${formats.value.map((f) => f.name).join(', ')}.`);
  }
  const canvas = document.createElement('canvas');
  canvas.width = bitmap.width;
  canvas.height = bitmap.height;
  canvas.getContext('2d')?.drawImage(bitmap, 0, 0);
  bitmap.close();
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/png'));
  if (!blob) throw new Error(`“${name}” could not be converted.`);
  return { blob, name: `${name.replace(/\.[^.]*$/, '')}.png` };
}

/** Sends a picture to the server. Throws Error, in words for people, when that or the picture is of no use. */
export async function sendPicture(file: File): Promise<ImageRef> {
  const { blob, name } = await usablePicture(file);
  try {
    return await routes.upload(blob, name);
  } catch (error) {
    if (!(error instanceof HttpError)) throw new Error('The server cannot be reached, so the picture was not sent.');
    // What is wrong with a picture is said of "it".
    const begins = /^[a-z]/.test(error.message) ? `“${name}” ${error.message}` : error.message;
    throw new Error(begins.replace(/([^.!?])$/, '$1.'));
  }
}
