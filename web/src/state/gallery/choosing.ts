// Pictures chosen in the gallery, and what is done with many at once.
import { computed, signal } from '@preact/signals';
import * as routes from '../../api/routes';
import { zipOf } from '../../api/zip';
import { techniques } from '../form/catalog';
import { titleOf, picturesOf } from '../jobs/about';
import { dispatch, jobs, show } from '../jobs/session';
import { say } from '../notices';
import { comparing, hold } from '../stage/looking';
import { saveBlob, setView } from '../view';
import { entriesOf, find, type GalleryPicture, noSearch, type Search } from './entries';
import { favourites, keyOf } from './favourites';

export const search = signal<Search>(noSearch);
export const chosen = signal<ReadonlySet<string>>(new Set());

export const allEntries = computed(() => entriesOf(jobs.value, techniques.value));
export const foundEntries = computed(() => find(allEntries.value, search.value, favourites.value, techniques.value));
/** The chosen pictures that are still there. */
export const chosenPictures = computed<GalleryPicture[]>(() =>
  allEntries.value.flatMap((e) => e.pictures).filter((p) => chosen.value.has(keyOf(p.image))),
);

/** Each file once: jobs that gave the same result share it. */
export const chosenFiles = computed<GalleryPicture[]>(() => [...new Map(chosenPictures.value.map((p) => [keyOf(p.image), p])).values()]);

/** Chooses pictures, or lets go of them when all of them were chosen. */
export function toggleChosen(pictures: GalleryPicture[]): void {
  const next = new Set(chosen.value);
  const keys = pictures.map((p) => keyOf(p.image));
  const all = keys.every((key) => next.has(key));
  for (const key of keys) if (all) next.delete(key);
  else next.add(key);
  chosen.value = next;
}

export function chooseNone(): void {
  chosen.value = new Set();
}

/** Puts two chosen pictures on the stage, one compared with the other. */
export function compareChosen(): void {
  const [first, second] = chosenFiles.value;
  if (!first || !second) return;
  hold(second.image, titleOf(second.job, techniques.value));
  comparing.value = true;
  show(first.job.id, first.index);
  chooseNone();
  setView('paint');
}

/** Saves the chosen pictures: one as it is, several in one archive. */
export async function downloadChosen(): Promise<void> {
  const pictures = chosenFiles.value;
  try {
    const files = await Promise.all(
      pictures.map(async ({ image }) => {
        const answer = await fetch(routes.viewAddress(image));
        if (!answer.ok) throw new Error(`${image.filename}: the server answered ${answer.status}.`);
        return { name: image.filename, bytes: new Uint8Array(await answer.arrayBuffer()) };
      }),
    );
    if (files.length === 1) saveBlob(files[0]!.name, new Blob([files[0]!.bytes]));
    else saveBlob('pictures.zip', zipOf(files));
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), 'bad');
  }
}

/** Takes the chosen pictures' jobs out of the gallery; with `files`, deletes the pictures as well, for good. */
export async function removeChosen(files: boolean): Promise<void> {
  const pictures = chosenPictures.value;
  const keys = new Set(pictures.map((p) => keyOf(p.image)));
  // A job whose other pictures stay is remembered for them.
  const whole = [...new Set(pictures.map((p) => p.job))].filter((job) => picturesOf(job).every((image) => keys.has(keyOf(image))));
  try {
    const own = chosenFiles.value;
    if (files) await routes.deletePictures(own.map((p) => p.image));
    const ids = whole.map((job) => job.id);
    if (ids.length > 0) await routes.forgetJobs(ids);
    dispatch({ kind: 'forgotten', ids });
    chooseNone();
    say(files ? `Deleted: ${own.length} ${own.length === 1 ? 'picture' : 'pictures'}.` : 'Taken out; the files stay.');
  } catch (error) {
    say(error instanceof Error ? error.message : String(error), 'bad');
  }
}
