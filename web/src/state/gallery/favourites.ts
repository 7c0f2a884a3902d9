// Pictures that are marked. The server keeps the marks.
import { signal } from '@preact/signals';
import * as routes from '../../api/routes';
import type { ImageRef } from '../../api/types';
import { say } from '../notices';

const SETTING = 'easel.favourites';
const MOST = 5000;

export const favourites = signal<ReadonlySet<string>>(new Set());

export function keyOf(image: ImageRef): string {
  return `${image.type}/${image.subfolder}/${image.filename}`;
}

export function isFavourite(image: ImageRef): boolean {
  return favourites.value.has(keyOf(image));
}

export async function loadFavourites(): Promise<void> {
  const kept = await routes.setting<unknown>(SETTING).catch(() => undefined);
  if (Array.isArray(kept)) favourites.value = new Set(kept.map(String));
}

export async function toggleFavourite(image: ImageRef): Promise<void> {
  const next = new Set(favourites.value);
  if (!next.delete(keyOf(image))) next.add(keyOf(image));
  favourites.value = next;
  try {
    await routes.keepSetting(SETTING, [...next].slice(-MOST));
  } catch (error) {
    say(`The mark could not be kept: ${error instanceof Error ? error.message : String(error)}`, 'bad');
  }
}
