import { useRef, useState } from 'preact/hooks';
import type { Technique } from '../../api/types';
import { techniques } from '../../state/form/catalog';
import * as compose from '../../state/form/compose';
import { Icon } from '../ui/Icon';

function Choice({ technique, onPick }: { technique: Technique; onPick: () => void }) {
  const chosen = compose.technique.value?.name === technique.name;
  return (
    <label class={`choice${technique.missing ? ' off' : ''}`}>
      <input
        type="radio"
        name="technique"
        value={technique.name}
        checked={chosen}
        disabled={!!technique.missing}
        // Arrow keys click as well, without a detail; only a real click closes the list.
        onClick={(e) => {
          compose.chooseTechnique(technique);
          if (e.detail > 0) onPick();
        }}
        onKeyDown={(e) => e.key === 'Enter' && (e.preventDefault(), onPick())}
      />
      <span class="choice-words">
        <strong>
          {technique.title}
          {technique.pictures.length > 1 && <span class="tag">{technique.pictures.length} pictures</span>}
        </strong>
        <span>{technique.summary}</span>
        {technique.missing && <em>{technique.missing}</em>}
      </span>
    </label>
  );
}

/** Shows the technique at hand; opens into the list of all. */
export function TechniquePicker() {
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const technique = compose.technique.value;
  const all = techniques.value;
  if (compose.techniquesFault.value) {
    return (
      <div class="faults" role="alert">
        <p>The techniques could not be loaded: {compose.techniquesFault.value}</p>
        <button type="button" class="quiet" onClick={() => void compose.loadTechniques()}>
          Try again
        </button>
      </div>
    );
  }
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  return (
    <div class="picker" onKeyDown={(e) => e.key === 'Escape' && open && close()}>
      <button
        ref={button}
        type="button"
        class="picker-button"
        aria-expanded={open}
        aria-controls="techniques"
        onClick={() => setOpen(!open)}
      >
        <span class="choice-words">
          <span class="eyebrow">Technique</span>
          <strong>{technique?.title ?? 'Loading …'}</strong>
          <span>{technique?.summary}</span>
        </span>
        <Icon name="chevron" />
      </button>
      {open && (
        <fieldset class="choices" id="techniques">
          <legend class="hidden">Technique</legend>
          {all.map((t) => (
            <Choice key={t.name} technique={t} onPick={close} />
          ))}
        </fieldset>
      )}
      {technique?.missing && !open && <p class="fault">{technique.missing}</p>}
    </div>
  );
}
