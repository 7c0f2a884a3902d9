import { useEffect } from 'preact/hooks';
import { formatJson } from '../../api/json';
import { viewAddress } from '../../api/routes';
import type { ImageRef } from '../../api/types';
import { techniques } from '../../state/form/catalog';
import * as compose from '../../state/form/compose';
import { runAgain } from '../../state/form/send';
import { enlarge, upscalers, useAsHint, useAsMask, wantUpscalers } from '../../state/form/uses';
import { favourites, isFavourite, toggleFavourite } from '../../state/gallery/favourites';
import { titleOf } from '../../state/jobs/about';
import type { Job } from '../../state/jobs/jobs';
import { focus, noteOf, picturesOf } from '../../state/jobs/session';
import { saySeconds } from '../../state/jobs/timing';
import { comparing, detailsShown, heldPicture, hold } from '../../state/stage/looking';
import { download, openInGraph } from '../../state/view';
import { Icon, type IconName } from '../ui/Icon';
import { Menu, type MenuItem } from '../ui/Menu';

interface ActionProps {
  icon: IconName;
  label: string;
  title?: string;
  onClick: () => void;
  pressed?: boolean;
}

function Action({ icon, label, title, onClick, pressed }: ActionProps) {
  return (
    <button type="button" class="quiet tool action" title={title ?? label} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} /> <span>{label}</span>
    </button>
  );
}

/** What a finished job's workflow is called when it is saved. */
function workflowName(job: Job): string {
  const picture = picturesOf(job)[0]?.filename.replace(/\.[^.]*$/, '');
  return `${picture ?? noteOf(job).technique ?? 'workflow'}.json`;
}

export function graphOf(job: Job): Record<string, unknown> | undefined {
  const graph = job.extra.extra_pnginfo?.workflow;
  return graph && typeof graph === 'object' ? (graph as Record<string, unknown>) : undefined;
}

async function sizeOf(image: ImageRef): Promise<{ width: number; height: number }> {
  const picture = new Image();
  picture.src = viewAddress(image);
  await picture.decode();
  return { width: picture.naturalWidth, height: picture.naturalHeight };
}

/** Brings the form's settings back as they were for the job. */
export function bringBack(job: Job): void {
  compose.restore({ prompt: job.prompt, note: noteOf(job) });
}

/** All that can be done with a finished picture besides the few things that are done most. */
export function pictureItems(job: Job, image: ImageRef): MenuItem[] {
  const liked = isFavourite(image);
  return [
    { icon: 'star', label: liked ? 'No favourite any more' : 'Favourite', run: () => void toggleFavourite(image) },
    { icon: 'again', label: 'Run again, same seed', run: () => void runAgain(job, false) },
    {
      icon: 'enlarge',
      label: upscalers().length > 0 ? 'Enlarge' : 'Enlarge by painting',
      run: () => void sizeOf(image).then((size) => enlarge(job, image, size), () => undefined),
    },
    { icon: 'mask', label: 'Use as mask', reason: compose.painted.value ? undefined : 'This technique has no mask.', run: () => useAsMask(image) },
    { icon: 'shape', label: 'Use as hint', run: () => useAsHint(image) },
    { icon: 'lock', label: 'Hold, to compare others with it', run: () => hold(image, titleOf(job, techniques.value)) },
    { icon: 'graph', label: 'Workflow as a graph', run: () => openInGraph({ prompt: job.prompt, graph: graphOf(job), job: job.id }) },
    { icon: 'file', label: 'Save its workflow', run: () => download(workflowName(job), formatJson(job.prompt, 2)) },
  ];
}

/** What can be done with a finished job. */
export function JobActions({ job }: { job: Job }) {
  const pictures = picturesOf(job);
  const image = pictures[Math.min(focus.value?.picture ?? 0, pictures.length - 1)];
  const seconds = job.startedMs && job.endedMs ? (job.endedMs - job.startedMs) / 1000 : undefined;
  useEffect(wantUpscalers, []);
  favourites.value; // its star is shown in the menu
  return (
    <div class="actions">
      <p class="told">
        {job.state === 'done' ? 'Done' : job.state === 'stopped' ? 'Stopped' : 'Failed'}
        {seconds !== undefined && job.state === 'done' && <> in {saySeconds(Math.max(seconds, 0.001))}</>}
        {heldPicture.value && comparing.value && (
          <button type="button" class="link" onClick={() => (heldPicture.value = undefined)}>
            Compared with the picture held. Let go
          </button>
        )}
      </p>
      <div class="row" role="toolbar" aria-label="This picture">
        {image && <Action icon="picture" label="Start from it" onClick={() => compose.useAsReference(image)} />}
        {image && <Action icon="dice" label="More like it" title="The same settings, another seed" onClick={() => void runAgain(job, true)} />}
        <Action icon="undo" label="Settings" title="Bring its settings back" onClick={() => bringBack(job)} />
        <Action icon="info" label="Details" title="Details (I)" pressed={detailsShown.value} onClick={() => (detailsShown.value = !detailsShown.value)} />
        {image && (
          <a class="button quiet tool action" href={viewAddress(image)} download={image.filename} title="Download">
            <Icon name="download" /> <span>Download</span>
          </a>
        )}
        {image ? (
          <Menu label="More" items={pictureItems(job, image)} class="upwards" />
        ) : (
          <Action icon="graph" label="Graph" onClick={() => openInGraph({ prompt: job.prompt, graph: graphOf(job), job: job.id })} />
        )}
      </div>
    </div>
  );
}
