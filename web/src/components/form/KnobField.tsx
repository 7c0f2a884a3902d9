import { useEffect, useState } from 'preact/hooks';
import type { InputSpec, Knob, NodeInfo, Value } from '../../api/types';
import { infos } from '../../state/form/catalog';
import * as compose from '../../state/form/compose';
import { fieldKey } from '../../state/form/errors';
import { readNumber, sliderRange } from '../../state/form/knobs';

/** The definition of an input, from its node's. */
export function specOf(info: NodeInfo | undefined, input: string): InputSpec | undefined {
  return info?.input.required?.[input] ?? info?.input.optional?.[input];
}

export function knobSpec(knob: Knob): InputSpec | undefined {
  return specOf(infos.value[compose.prompt.value[knob.node]?.class_type ?? ''], knob.input);
}

interface FieldProps {
  knob: Knob;
  spec: InputSpec;
  value: Value;
  id: string;
  describedBy: string;
  wrong: boolean;
  /** Without a slider. */
  plain?: boolean;
}

// So many digits fit into the field as it is.
const SHORT = 7;

export function NumberInput({ knob, spec, value, id, describedBy, wrong, plain }: FieldProps) {
  const [text, setText] = useState(String(value));
  // What was typed stays as typed as long as it means the value: "0." is not made "0".
  useEffect(() => {
    if (String(readNumber(text, spec).value) !== String(value)) setText(String(value));
  }, [value]);
  const type = (typed: string) => {
    setText(typed);
    const read = readNumber(typed, spec);
    if (read.value !== undefined) compose.setInput(knob.node, knob.input, read.value);
    if (read.fault) compose.setFault(knob.node, knob.input, read.fault);
  };
  const range = sliderRange(spec);
  const slide = (to: number) => {
    const places = (String(range?.step ?? 1).split('.')[1] ?? '').length;
    setText(String(Number(to.toFixed(places))));
    compose.setInput(knob.node, knob.input, Number(to.toFixed(places)));
  };
  const now = Number(value);
  const share = range ? Math.max(0, Math.min(1, (now - range.min) / (range.max - range.min))) : 0;
  return (
    <>
      <input
        id={id}
        class={`number${text.length > SHORT ? ' long' : ''}`}
        type="text"
        inputMode="decimal"
        autocomplete="off"
        value={text}
        aria-describedby={describedBy}
        aria-invalid={wrong}
        onInput={(e) => type(e.currentTarget.value)}
        onKeyDown={(e) => {
          const by = e.key === 'ArrowUp' ? 1 : e.key === 'ArrowDown' ? -1 : 0;
          if (!by || !range) return;
          e.preventDefault();
          slide(Math.max(range.min, Math.min(range.max, now + by * range.step)));
        }}
      />
      {range && !plain && (
        <input
          class="slider"
          type="range"
          min={range.min}
          max={range.max}
          step={range.step}
          value={now}
          style={{ '--share': `${share * 100}%` }}
          aria-label={`${knob.label}, slider`}
          onInput={(e) => slide(Number(e.currentTarget.value))}
        />
      )}
    </>
  );
}

/** What ComfyUI calls the node that has the knob. */
export function nodeName(knob: Knob): string {
  const type = compose.prompt.value[knob.node]?.class_type;
  return type ? ` (${infos.value[type]?.display_name ?? type})` : '';
}

/** One knob: its label, its value, and what it means. */
export function KnobField({ knob }: { knob: Knob }) {
  const value = compose.prompt.value[knob.node]?.inputs[knob.input] ?? '';
  const spec: InputSpec = knobSpec(knob) ?? [typeof value === 'number' ? 'FLOAT' : 'STRING'];
  const fault = compose.faults.value.fields[fieldKey(knob.node, knob.input)];
  const id = `knob-${knob.node}-${knob.input}`;
  const props: FieldProps = { knob, spec, value, id, describedBy: `${id}-help`, wrong: !!fault };
  const set = (next: Value) => compose.setInput(knob.node, knob.input, next);
  const [type] = spec;
  return (
    <div class={`knob${fault ? ' wrong' : ''}`}>
      <label for={id} title={`ComfyUI: ${knob.input}${nodeName(knob)}`}>
        {knob.label}
      </label>
      {Array.isArray(type) ? (
        <select id={id} value={String(value)} aria-describedby={`${id}-help`} onChange={(e) => set(e.currentTarget.value)}>
          {type.map((choice) => (
            <option key={String(choice)}>{String(choice)}</option>
          ))}
        </select>
      ) : type === 'BOOLEAN' ? (
        <input id={id} type="checkbox" checked={!!value} onChange={(e) => set(e.currentTarget.checked)} />
      ) : type === 'INT' || type === 'FLOAT' ? (
        <NumberInput {...props} />
      ) : (
        <input id={id} class="text" value={String(value)} onInput={(e) => set(e.currentTarget.value)} />
      )}
      <p class="help" id={`${id}-help`}>
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
