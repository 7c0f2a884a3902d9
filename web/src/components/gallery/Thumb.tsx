import { useState } from 'preact/hooks';
import { viewAddress } from '../../api/routes';
import * as compose from '../../state/form/compose';
import { chosen, toggleChosen } from '../../state/gallery/choosing';
import type { Entry } from '../../state/gallery/entries';
import { isFavourite, keyOf, toggleFavourite } from '../../state/gallery/favourites';
import { focus, focusJob, show } from '../../state/jobs/session';
import { column, openInGraph, setView } from '../../state/view';
import { Icon, type IconName } from '../ui/Icon';
import { bringBack, graphOf } from '../stage/JobActions';

const STACKED = 4;

function Quick({ icon, title, label, pressed, onClick }: { icon: IconName; title: string; label: string; pressed?: boolean; onClick: () => void }) {
  return (
    <button type="button" class="square small" title={title} aria-label={label} aria-pressed={pressed} onClick={onClick}>
      <Icon name={icon} size={15} />
    </button>
  );
}

/** One entry of the gallery: its picture, or the first ones of a set. `plain`: it cannot be chosen. */
export function Thumb({ entry, choosing, plain }: { entry: Entry; choosing: boolean; plain?: boolean }) {
  const [gone, setGone] = useState(false);
  const { pictures, title, over } = entry;
  const { job, image, index } = pictures[0]!;
  const many = over !== undefined && pictures.length > 1;
  const current = pictures.some((p) => focusJob.value?.id === p.job.id && (over !== undefined || (focus.value?.picture ?? 0) === p.index));
  const picked = pictures.every((p) => chosen.value.has(keyOf(p.image)));
  const name = many ? `${title}, ${pictures.length} pictures over ${over}` : title;
  const open = () => {
    show(job.id, index);
    setView('paint');
    column.value = 'stage';
  };
  const liked = isFavourite(image);
  return (
    <li class={`thumb${picked ? ' picked' : ''}`}>
      <button
        type="button"
        class={`thumb-face${many ? ' many' : ''}`}
        aria-label={`${choosing ? 'Choose' : 'Show'} ${name}`}
        aria-pressed={choosing ? picked : plain && current}
        title={name}
        onClick={(e) => (choosing || (!plain && (e.ctrlKey || e.metaKey || e.shiftKey)) ? toggleChosen(pictures) : open())}
      >
        {gone ? (
          <span class="thumb-gone">The file is gone</span>
        ) : (
          pictures.slice(0, many ? STACKED : 1).map((p) => <img key={keyOf(p.image)} src={viewAddress(p.image)} alt="" loading="lazy" decoding="async" onError={() => setGone(true)} />)
        )}
        {many && <span class="thumb-count">{pictures.length}</span>}
        {liked && <span class="thumb-star"><Icon name="star" size={14} /></span>}
      </button>
      {!plain && (
        <input type="checkbox" class="thumb-check" checked={picked} aria-label={`Choose ${image.filename}`} onChange={() => toggleChosen(pictures)} />
      )}
      {!choosing && (
        <span class="thumb-actions">
          <Quick icon="picture" title="Start from it" label={`Start from ${image.filename}`} onClick={() => compose.useAsReference(image)} />
          <Quick icon="undo" title="Bring its settings back" label={`Bring back the settings of ${image.filename}`} onClick={() => bringBack(job)} />
          <Quick icon="graph" title="Its workflow as a graph" label={`Show the workflow of ${image.filename}`} onClick={() => openInGraph({ prompt: job.prompt, graph: graphOf(job), job: job.id })} />
          <Quick icon="star" title={liked ? 'No favourite any more' : 'Favourite'} label={`${image.filename} is a favourite`} pressed={liked} onClick={() => void toggleFavourite(image)} />
        </span>
      )}
    </li>
  );
}
