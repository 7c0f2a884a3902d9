import { allEntries } from '../../state/gallery/choosing';
import { moreHistory } from '../../state/jobs/session';
import { setView } from '../../state/view';
import { Thumb } from '../gallery/Thumb';

const MOST_SHOWN = 60;

/** The newest of what was made, beside the stage. */
export function Gallery() {
  const entries = allEntries.value;
  const count = entries.reduce((sum, entry) => sum + entry.pictures.length, 0);
  const more = moreHistory.value || entries.length > MOST_SHOWN;
  return (
    <section class="gallery" aria-label="Newest pictures">
      <header class="side-head">
        <h2>Gallery</h2>
        {count > 0 && <span class="count">{count}{moreHistory.value && '+'}</span>}
      </header>
      {entries.length === 0 && <p class="hint">Finished pictures hang here, each with the workflow that made it.</p>}
      <ul class="thumbs">
        {entries.slice(0, MOST_SHOWN).map((entry) => (
          <Thumb key={entry.key} entry={entry} choosing={false} plain />
        ))}
      </ul>
      {more && (
        <button type="button" class="quiet wide" onClick={() => setView('gallery')}>
          All of them
        </button>
      )}
    </section>
  );
}
