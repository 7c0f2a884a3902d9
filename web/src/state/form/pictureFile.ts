// Pictures as the server takes them: PNG, JPEG and WebP go as they are, what else the browser can show goes as PNG.
import { HttpError } from '../../api/http';
import { upload } from '../../api/routes';
import type { ImageRef } from '../../api/types';

const TAKEN = ['image/png', 'image/jpeg', 'image/webp'];

/** Throws Error, in words for people, when the file is no picture the browser can read. */
async function usablePicture(file: File): Promise<{ blob: Blob; name: string }> {
  const name = file.name || 'pasted.png';
  if (file.size === 0) throw new Error(`“${name}” is empty.`);
  if (TAKEN.includes(file.type)) return { blob: file, name };
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error(`“${name}” is not a picture that can be read here.`);
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
    return await upload(blob, name);
  } catch (error) {
    if (!(error instanceof HttpError)) throw new Error('The server cannot be reached, so the picture was not sent.');
    // What is wrong with a picture is said of "it".
    const begins = /^[a-z]/.test(error.message) ? `“${name}” ${error.message}` : error.message;
    throw new Error(begins.replace(/([^.!?])$/, '$1.'));
  }
}
