import { useEffect, useState } from 'preact/hooks';
import { allEntries, chosen, foundEntries, search } from '../../state/gallery/choosing';
import { byDay, modelsIn, noSearch } from '../../state/gallery/entries';
import { loadAllHistory, loadMoreHistory, moreHistory } from '../../state/jobs/session';
import { shortName } from '../form/Files';
import { Icon } from '../ui/Icon';
import { ChosenBar } from './ChosenBar';
import { Thumb } from './Thumb';

function SearchBar({ choosing, onChoosing }: { choosing: boolean; onChoosing: (on: boolean) => void }) {
  const { words, model, favourites } = search.value;
  const set = (changes: Partial<typeof search.value>) => {
    search.value = { ...search.value, ...changes };
    loadAllHistory();
  };
  return (
    <div class="gallery-search" role="search">
      <label class="search-field">
        <Icon name="search" size={16} />
        <input class="text" type="search" placeholder="Words, model, file name" aria-label="Search the gallery" value={words} onInput={(e) => set({ words: e.currentTarget.value })} />
      </label>
      <select aria-label="Made with the model" value={model} onChange={(e) => set({ model: e.currentTarget.value })}>
        <option value="">any model</option>
        {modelsIn(allEntries.value).map((name) => (
          <option key={name} value={name}>
            {shortName(name)}
          </option>
        ))}
      </select>
      <button type="button" aria-pressed={favourites} onClick={() => set({ favourites: !favourites })}>
        <Icon name="star" size={16} /> Favourites
      </button>
      <button type="button" aria-pressed={choosing} onClick={() => onChoosing(!choosing)}>
        <Icon name="check" size={16} /> Choose
      </button>
    </div>
  );
}

/** Everything that was made, over the whole width. */
export function GalleryView() {
  const [choosing, setChoosing] = useState(false);
  const found = foundEntries.value;
  const some = chosen.value.size > 0;
  useEffect(() => () => void (search.value = noSearch), []);
  return (
    <main class="gallery-view" aria-label="Gallery">
      <SearchBar choosing={choosing || some} onChoosing={setChoosing} />
      <div class="gallery-scroll">
        {allEntries.value.length === 0 && <p class="empty">Finished pictures hang here, each with the workflow that made it.</p>}
        {allEntries.value.length > 0 && found.length === 0 && (
          <div class="empty">
            <p>No picture is like that.</p>
            <button type="button" onClick={() => (search.value = noSearch)}>
              Show all
            </button>
          </div>
        )}
        {byDay(found, Date.now()).map((day) => (
          <section key={day.name} aria-label={day.name}>
            <h2>
              {day.name} <span class="count">{day.entries.length}</span>
            </h2>
            <ul class="thumbs large">
              {day.entries.map((entry) => (
                <Thumb key={entry.key} entry={entry} choosing={choosing || some} />
              ))}
            </ul>
          </section>
        ))}
        {moreHistory.value && (
          <button type="button" class="quiet wide" onClick={loadMoreHistory}>
            Older ones
          </button>
        )}
      </div>
      <ChosenBar />
    </main>
  );
}
