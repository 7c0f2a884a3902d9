import * as compose from '../../state/form/compose';
import { count } from '../../state/form/send';
import { alternatives, MOST_JOBS } from '../../state/form/variations';
import { Icon } from '../ui/Icon';

/** How many pictures a run makes. */
export function CountField() {
  const words = alternatives(compose.wordsOf('prompts')).length;
  const set = (value: number) => (count.value = Math.max(1, Math.min(MOST_JOBS, Math.round(value) || 1)));
  return (
    <div class="count-field" role="group" aria-label="How many">
      <label for="count" title="ComfyUI: batch count, queue ×N">
        Pictures
      </label>
      <button type="button" class="quiet square small" aria-label="One picture fewer" disabled={count.value <= 1} onClick={() => set(count.value - 1)}>
        <Icon name="minus" size={15} />
      </button>
      <input
        id="count"
        class="number"
        inputMode="numeric"
        value={count.value}
        aria-describedby="count-help"
        onChange={(e) => {
          set(Number(e.currentTarget.value));
          e.currentTarget.value = String(count.value);
        }}
      />
      <button type="button" class="quiet square small" aria-label="One picture more" onClick={() => set(count.value + 1)}>
        <Icon name="plus" size={15} />
      </button>
      <p class="help" id="count-help">
        {count.value > 1 && 'Seeds one after the other. '}
        {words > 1 ? `The words stand for ${words} prompts.` : count.value === 1 && 'In the words, {a|b} makes a picture of each.'}
      </p>
    </div>
  );
}
