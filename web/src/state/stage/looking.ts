// What the stage shows beside the result, and how.
import { effect, signal } from '@preact/signals';
import type { ImageRef } from '../../api/types';
import { jobs, show } from '../jobs/session';
import { picturesOf } from '../jobs/about';
import { browserStore } from '../kept';
import type { Lens } from './lens';

export type Way = 'slider' | 'beside' | 'flicker';
export const WAYS: { way: Way; label: string }[] = [
  { way: 'slider', label: 'With a slider' },
  { way: 'beside', label: 'Side by side' },
  { way: 'flicker', label: 'In turn' },
];

function storedWay(): Way {
  const kept = browserStore.getItem('easel.compare');
  return WAYS.find(({ way }) => way === kept)?.way ?? 'slider';
}

export const comparing = signal(true);
export const way = signal<Way>(storedWay());
/** What results are compared with; the reference when nothing is held. */
export const heldPicture = signal<{ image: ImageRef; title: string } | undefined>(undefined);
export const lens = signal<Lens>('fit');
export const detailsShown = signal(false);

effect(() => browserStore.setItem('easel.compare', way.value));

export function sameImage(a: ImageRef | undefined, b: ImageRef | undefined): boolean {
  return !!a && !!b && a.filename === b.filename && a.subfolder === b.subfolder && a.type === b.type;
}

/** Holds a picture, for others to be compared with it. */
export function hold(image: ImageRef, title: string): void {
  heldPicture.value = { image, title };
  comparing.value = true;
}

/** Puts the next or the previous of all finished pictures on the stage. */
export function step(by: number, now: { id: string; picture: number } | undefined): void {
  const { byId, finished } = jobs.value;
  const all = finished.flatMap((id) => (byId[id] ? picturesOf(byId[id]!).map((_, picture) => ({ id, picture })) : []));
  if (all.length === 0) return;
  const at = all.findIndex((p) => p.id === now?.id && p.picture === (now?.picture ?? 0));
  const next = all[at < 0 ? all.length - 1 : Math.max(0, Math.min(all.length - 1, at + by))]!;
  show(next.id, next.picture);
}
