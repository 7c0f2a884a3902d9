// Pictures as the server takes them: PNG, JPEG and WebP go as they are, what else the browser can show goes as PNG.

const TAKEN = ['image/png', 'image/jpeg', 'image/webp'];

/** Throws Error, in words for people, when the file is no picture the browser can read. */
export async function usablePicture(file: File): Promise<{ blob: Blob; name: string }> {
  const name = file.name || 'pasted.png';
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
