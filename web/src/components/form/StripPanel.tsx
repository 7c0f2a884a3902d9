import { useMemo, useState } from 'preact/hooks';
import type { Knob } from '../../api/types';
import * as compose from '../../state/form/compose';
import { isSeed, randomSeed } from '../../state/form/draft';
import { parseValues, suggestValues } from '../../state/form/strip';
import { Icon } from '../ui/Icon';
import { knobSpec } from './KnobField';

const USUAL_COUNT = 5;

function suggestion(knob: Knob): string {
  if (isSeed(knob.input)) return Array.from({ length: USUAL_COUNT }, () => randomSeed() % 1e6).join(', ');
  const spec = knobSpec(knob);
  const current = compose.prompt.value[knob.node]?.inputs[knob.input];
  return spec ? suggestValues(spec, current, USUAL_COUNT).join(', ') : '';
}

/** One knob over several values, all else kept. */
export function StripPanel() {
  const technique = compose.technique.value;
  const [chosen, setChosen] = useState<{ technique: string; index: number }>();
  const [typed, setTyped] = useState<string>();
  const [fault, setFault] = useState('');
  const index = chosen && chosen.technique === technique?.name ? chosen.index : (technique?.main_knob ?? 0);
  const knob = technique?.knobs[index] ?? technique?.knobs[0];
  const spec = knob && knobSpec(knob);
  const current = knob && !isSeed(knob.input) ? compose.prompt.value[knob.node]?.inputs[knob.input] : undefined;
  const suggested = useMemo(() => (knob ? suggestion(knob) : ''), [knob, spec, current]);
  if (!technique || !knob) return null;
  const text = typed ?? suggested;
  const read = spec ? parseValues(text, spec) : { fault: 'This knob is not known yet.' };
  const go = () => {
    if ('fault' in read) return setFault(read.fault);
    setFault('');
    void compose.runStrip(knob, read.values);
  };
  return (
    <details class="strip-panel">
      <summary>
        <Icon name="strip" /> Vary one knob over a strip
      </summary>
      <div class="strip-fields">
        <label class="field">
          <span class="label">Knob</span>
          <select
            value={index}
            onChange={(e) => {
              setChosen({ technique: technique.name, index: Number(e.currentTarget.value) });
              setTyped(undefined);
              setFault('');
            }}
          >
            {technique.knobs.map((k, i) => (
              <option key={`${k.node}.${k.input}`} value={i}>
                {k.label}
              </option>
            ))}
          </select>
        </label>
        <label class="field">
          <span class="label">Values</span>
          <input
            class="text"
            value={text}
            aria-invalid={!!fault}
            onInput={(e) => {
              setTyped(e.currentTarget.value);
              setFault('');
            }}
          />
        </label>
        {fault && (
          <p class="fault" role="alert">
            {fault}
          </p>
        )}
        <button type="button" class="wide" disabled={!!technique.missing || compose.sending.value} onClick={go}>
          {'fault' in read ? 'Run the strip' : `Run ${read.values.length} pictures`}
        </button>
      </div>
    </details>
  );
}
