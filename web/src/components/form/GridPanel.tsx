import { useMemo, useState } from 'preact/hooks';
import type { Knob, Technique, Value } from '../../api/types';
import * as compose from '../../state/form/compose';
import { randomSeed } from '../../state/form/draft';
import { ownAxes, runGrid } from '../../state/form/send';
import { parseValues, suggestValues } from '../../state/form/values';
import { jobCount, knobAxis, MOST_JOBS } from '../../state/form/variations';
import { knobSpec } from './KnobField';

const USUAL_COUNT = 5;
const NONE = -1;

function suggestion(knob: Knob): string {
  if (knob.seed) return Array.from({ length: USUAL_COUNT }, () => randomSeed() % 1e6).join(', ');
  const spec = knobSpec(knob);
  const current = compose.prompt.value[knob.node]?.inputs[knob.input];
  return spec ? suggestValues(spec, current, USUAL_COUNT).join(', ') : '';
}

/** All that can be varied: the technique's knobs, and the sampler's choices. */
function knobsOf(technique: Technique): Knob[] {
  const sampler = Object.entries(technique.prompt).find(([, n]) => n.class_type === 'KSampler')?.[0];
  const choices = sampler === undefined ? [] : [
    { node: sampler, input: 'sampler_name', label: 'Sampler', meaning: '' },
    { node: sampler, input: 'scheduler', label: 'Scheduler', meaning: '' },
  ];
  return [...technique.knobs, ...choices.filter((c) => !technique.knobs.some((k) => k.node === c.node && k.input === c.input))];
}

interface Side {
  index: number;
  typed?: string;
}

function SideFields(props: { label: string; knobs: Knob[]; side: Side; text: string; fault: string; optional?: boolean; onChange: (side: Side) => void }) {
  const { label, knobs, side, text, fault, onChange } = props;
  return (
    <fieldset class="grid-side">
      <legend>{label}</legend>
      <select
        aria-label={`Knob ${label.toLowerCase()}`}
        value={side.index}
        onChange={(e) => onChange({ index: Number(e.currentTarget.value) })}
      >
        {props.optional && <option value={NONE}>nothing</option>}
        {knobs.map((k, i) => (
          <option key={`${k.node}.${k.input}`} value={i}>
            {k.label}
          </option>
        ))}
      </select>
      {side.index !== NONE && (
        <input
          class="text"
          aria-label={`Values ${label.toLowerCase()}`}
          value={text}
          aria-invalid={!!fault}
          onInput={(e) => onChange({ ...side, typed: e.currentTarget.value })}
        />
      )}
      {fault && (
        <p class="fault" role="alert">
          {fault}
        </p>
      )}
    </fieldset>
  );
}

/** One knob or two over several values, all else kept. */
export function GridPanel() {
  const technique = compose.technique.value;
  const [sides, setSides] = useState<{ technique: string; across: Side; down: Side }>();
  const [faults, setFaults] = useState<[string, string]>(['', '']);
  const now = sides && sides.technique === technique?.name ? sides : undefined;
  const across = now?.across ?? { index: technique?.main_knob ?? 0 };
  const down = now?.down ?? { index: NONE };
  const knobs = technique ? knobsOf(technique) : [];
  const [first, second] = [knobs[across.index], knobs[down.index]];
  const known = (knob: Knob | undefined) => knob && [knob.node, knob.input, knobSpec(knob) !== undefined, knob.seed ? '' : compose.prompt.value[knob.node]?.inputs[knob.input]].join();
  const suggested = [useMemo(() => (first ? suggestion(first) : ''), [known(first)]), useMemo(() => (second ? suggestion(second) : ''), [known(second)])];
  if (!technique || !first) return null;
  const read = (knob: Knob | undefined, side: Side, i: number) => {
    const spec = knob && knobSpec(knob);
    if (!knob) return undefined;
    const values = spec ? parseValues(side.typed ?? suggested[i]!, spec) : { fault: 'This knob is not known yet.' };
    return { knob, values };
  };
  const parts = [read(first, across, 0), read(second, down, 1)];
  const set = (changes: { across?: Side; down?: Side }) => {
    setSides({ technique: technique.name, across, down, ...changes });
    setFaults(['', '']);
  };
  const good = parts.flatMap((part) => (part && 'values' in part.values ? [{ knob: part.knob, values: part.values.values as Value[] }] : []));
  const wanted = parts.filter((part) => part !== undefined).length;
  const count = jobCount(ownAxes(technique, good.map(({ knob, values }) => knobAxis(technique, knob, values))));
  const go = () => {
    const words = parts.map((part) => (part && 'fault' in part.values ? part.values.fault : '')) as [string, string];
    if (first === second) words[1] = 'Both are the same knob.';
    if (count > MOST_JOBS) words[1] ||= `These are ${count} pictures; at most ${MOST_JOBS} can be made at once.`;
    setFaults(words);
    if (words.every((w) => !w)) void runGrid(good);
  };
  return (
    <details class="panel">
      <summary>
        <span class="panel-title">Vary knobs over a grid</span>
        <span class="panel-told">one or two of them</span>
      </summary>
      <div class="panel-body">
        <SideFields label="Across" knobs={knobs} side={across} text={across.typed ?? suggested[0]!} fault={faults[0]} onChange={(side) => set({ across: side })} />
        <SideFields label="Down" knobs={knobs} side={down} text={down.typed ?? suggested[1]!} fault={faults[1]} optional onChange={(side) => set({ down: side })} />
        <button type="button" class="wide" disabled={!!technique.missing || compose.sending.value} onClick={go}>
          {good.length === wanted ? `Run ${count} pictures` : 'Run the grid'}
        </button>
      </div>
    </details>
  );
}
