// The gallery: finished pictures, those of a set together, found by words, model and mark. Pure functions.
import type { ImageRef, Technique } from '../../api/types';
import { setOf } from '../form/variations';
import { modelsOf, noteOf, picturesOf, techniqueTitle, titleOf, wordsOfJob } from '../jobs/about';
import type { Job, Jobs } from '../jobs/jobs';
import { keyOf } from './favourites';

export interface GalleryPicture {
  job: Job;
  image: ImageRef;
  index: number;
}
/** One place in the gallery: a picture, or all pictures of a set. */
export interface Entry {
  key: string;
  title: string;
  pictures: GalleryPicture[];
  endedMs: number;
  /** What a set is over. */
  over?: string;
}
export interface Search {
  words: string;
  model: string;
  favourites: boolean;
}

export const noSearch: Search = { words: '', model: '', favourites: false };

/** Everything that was made, newest first. */
export function entriesOf(jobs: Jobs, techniques: Technique[]): Entry[] {
  const out: Entry[] = [];
  const sets = new Map<string, Entry>();
  for (const id of [...jobs.finished].reverse()) {
    const job = jobs.byId[id];
    if (!job) continue;
    const pictures = picturesOf(job).map((image, index) => ({ job, image, index }));
    if (pictures.length === 0) continue;
    const endedMs = job.endedMs ?? 0;
    const set = setOf(noteOf(job));
    const known = set && sets.get(set.id);
    if (known) {
      known.pictures.unshift(...pictures);
      continue;
    }
    const title = titleOf(job, techniques);
    if (set) {
      const entry = { key: `set ${set.id}`, title, pictures, endedMs, over: set.axes.map((a) => a.label).join(', ') };
      sets.set(set.id, entry);
      out.push(entry);
    } else out.push(...pictures.map((p) => ({ key: keyOf(p.image), title, pictures: [p], endedMs })));
  }
  return out;
}

function matches(entry: Entry, search: Search, favourites: ReadonlySet<string>, techniques: Technique[]): boolean {
  if (search.favourites && !entry.pictures.some((p) => favourites.has(keyOf(p.image)))) return false;
  const jobs = [...new Set(entry.pictures.map((p) => p.job))];
  if (search.model && !jobs.some((job) => modelsOf(job).includes(search.model))) return false;
  const typed = search.words.toLowerCase().split(/\s+/).filter(Boolean);
  if (typed.length === 0) return true;
  return jobs.some((job) => {
    const about = [wordsOfJob(job), techniqueTitle(job, techniques), ...modelsOf(job), ...picturesOf(job).map((i) => i.filename)];
    const text = about.join(' ').toLowerCase();
    return typed.every((word) => text.includes(word));
  });
}

export function find(entries: Entry[], search: Search, favourites: ReadonlySet<string>, techniques: Technique[]): Entry[] {
  return entries.filter((entry) => matches(entry, search, favourites, techniques));
}

/** The models that pictures were made with, by name. */
export function modelsIn(entries: Entry[]): string[] {
  const all = new Set(entries.flatMap((e) => e.pictures.flatMap((p) => modelsOf(p.job))));
  return [...all].sort((a, b) => a.localeCompare(b));
}

export interface Day {
  name: string;
  entries: Entry[];
}

function startOfDay(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

/** Entries by the day they were made on, as people call it. */
export function byDay(entries: Entry[], now: number): Day[] {
  const today = startOfDay(now);
  const days: (Day & { start: number })[] = [];
  for (const entry of entries) {
    const start = startOfDay(entry.endedMs);
    const last = days.at(-1);
    if (last?.start === start) {
      last.entries.push(entry);
      continue;
    }
    const ago = Math.round((today - start) / 86400000);
    const options: Intl.DateTimeFormatOptions = { weekday: 'long', day: 'numeric', month: 'long' };
    if (new Date(start).getFullYear() !== new Date(now).getFullYear()) options.year = 'numeric';
    const name = ago <= 0 ? 'Today' : ago === 1 ? 'Yesterday' : new Date(start).toLocaleDateString('en-GB', options);
    days.push({ name, start, entries: [entry] });
  }
  return days.map(({ name, entries: list }) => ({ name, entries: list }));
}
