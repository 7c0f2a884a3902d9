import { useState } from 'preact/hooks';
import type { InputSpec, Knob } from '../../api/types';
import * as compose from '../../state/form/compose';
import { fieldKey } from '../../state/form/errors';
import { readNumber } from '../../state/form/knobs';
import { knobSpec } from './KnobField';
import { Icon } from '../ui/Icon';

const ANY_SEED: InputSpec = ['INT', { min: 0, max: 18446744073709551615n }];

/** The seed, with a die, and whether every run takes another. */
export function SeedField({ knob }: { knob: Knob }) {
  const [typed, setTyped] = useState<string>();
  const value = compose.prompt.value[knob.node]?.inputs[knob.input] ?? '';
  const fault = compose.faults.value.fields[fieldKey(knob.node, knob.input)];
  const type = (text: string) => {
    setTyped(text);
    const read = readNumber(text, knobSpec(knob) ?? ANY_SEED);
    if (read.value !== undefined) compose.setInput(knob.node, knob.input, read.value);
    if (read.fault) compose.setFault(knob.node, knob.input, read.fault);
    else compose.freshSeed.value = false;
  };
  return (
    <div class={`knob seed${fault ? ' wrong' : ''}`}>
      <label for="seed" title="ComfyUI: seed, and control after generate">
        {knob.label}
      </label>
      <input
        id="seed"
        class="number"
        type="text"
        inputMode="numeric"
        autocomplete="off"
        value={typed ?? String(value)}
        aria-describedby="seed-help"
        aria-invalid={!!fault}
        onInput={(e) => type(e.currentTarget.value)}
        onBlur={() => setTyped(undefined)}
      />
      <button
        type="button"
        class="quiet square"
        aria-label="Throw the dice for another seed"
        title="Another seed"
        onClick={() => {
          compose.rollSeed();
          compose.clearFault(knob.node, knob.input);
        }}
      >
        <Icon name="dice" />
      </button>
      <label class="check">
        <input
          type="checkbox"
          checked={compose.freshSeed.value}
          onChange={(e) => (compose.freshSeed.value = e.currentTarget.checked)}
        />
        Another one for each run
      </label>
      <p class="help" id="seed-help">
        {fault ? (
          <span class="fault" role="alert">
            {fault}
          </span>
        ) : (
          knob.meaning
        )}
      </p>
    </div>
  );
}
