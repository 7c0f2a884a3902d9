import { viewAddress } from '../../api/routes';
import * as compose from '../../state/form/compose';
import {
  focus,
  focusJob,
  forget,
  gallery,
  type GalleryPicture,
  loadMoreHistory,
  moreHistory,
  noteOf,
  show,
} from '../../state/jobs/session';
import { column, openInGraph } from '../../state/view';
import { Icon } from '../ui/Icon';
import { graphOf } from '../stage/JobActions';
import { describe } from '../stage/Stage';

function Thumb({ picture }: { picture: GalleryPicture }) {
  const { job, image, index } = picture;
  const current = focusJob.value?.id === job.id && (focus.value?.picture ?? 0) === index;
  const title = describe(job);
  return (
    <li class="thumb">
      <button
        type="button"
        class="thumb-face"
        aria-label={`Show ${title}`}
        aria-pressed={current}
        title={title}
        onClick={() => {
          show(job.id, index);
          column.value = 'stage';
        }}
      >
        <img src={viewAddress(image)} alt="" loading="lazy" decoding="async" />
      </button>
      <span class="thumb-actions">
        <button
          type="button"
          class="square small"
          title="Start from it"
          aria-label={`Start from ${image.filename}`}
          onClick={() => compose.useAsReference(image)}
        >
          <Icon name="picture" size={15} />
        </button>
        <button
          type="button"
          class="square small"
          title="Bring its settings back"
          aria-label={`Bring back the settings of ${image.filename}`}
          onClick={() => compose.restore({ prompt: job.prompt, note: noteOf(job) })}
        >
          <Icon name="undo" size={15} />
        </button>
        <button
          type="button"
          class="square small"
          title="Its workflow as a graph"
          aria-label={`Show the workflow of ${image.filename}`}
          onClick={() => openInGraph({ prompt: job.prompt, graph: graphOf(job) })}
        >
          <Icon name="graph" size={15} />
        </button>
        <button
          type="button"
          class="square small"
          title="Take out of the gallery; the file stays"
          aria-label={`Take ${image.filename} out of the gallery`}
          onClick={() => void forget([job.id])}
        >
          <Icon name="close" size={15} />
        </button>
      </span>
    </li>
  );
}

/** Everything that was made, newest first. */
export function Gallery() {
  const pictures = gallery.value;
  return (
    <section class="gallery" aria-label="Gallery">
      <header class="side-head">
        <h2>Gallery</h2>
        {pictures.length > 0 && <span class="count">{pictures.length}</span>}
      </header>
      {pictures.length === 0 && <p class="hint">Finished pictures hang here, each with the workflow that made it.</p>}
      <ul class="thumbs">
        {pictures.map((p) => (
          <Thumb key={`${p.job.id}.${p.index}`} picture={p} />
        ))}
      </ul>
      {moreHistory.value && (
        <button type="button" class="quiet wide" onClick={loadMoreHistory}>
          Older ones
        </button>
      )}
    </section>
  );
}
