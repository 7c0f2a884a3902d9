import * as compose from '../../state/form/compose';
import { fieldKey } from '../../state/form/errors';
import { sayCut, sizeKnobs } from '../../state/form/size';
import { openEditor } from '../../state/form/editing';
import { Icon } from '../ui/Icon';
import { NumberInput, knobSpec } from './KnobField';

/** Width and height of the result: as the picture, unless set otherwise; what would be cut off is said. */
export function SizeField() {
  const technique = compose.technique.value;
  const knobs = technique && sizeKnobs(technique);
  if (!technique || !knobs) return null;
  const { node } = knobs;
  const inputs = compose.prompt.value[node]?.inputs ?? {};
  const size = { width: Number(inputs['width']), height: Number(inputs['height']) };
  const picture = compose.firstPicture();
  const cut = picture?.shape && compose.painted.value?.scale ? sayCut(picture.shape, size) : undefined;
  const faults = (['width', 'height'] as const).flatMap((input) => {
    const words = compose.faults.value.fields[fieldKey(node, input)];
    return words ? [{ input, words }] : [];
  });
  const slot = technique.pictures[0]?.node;
  return (
    <div class="size" role="group" aria-label="Size">
      {(['width', 'height'] as const).map((input) => {
        const knob = technique.knobs.find((k) => k.node === node && k.input === input)!;
        const id = `knob-${node}-${input}`;
        return (
          <div key={input} class={`size-${input}`} onInput={() => (compose.sizeFollows.value = false)}>
            <label for={id} title={`ComfyUI: ${input}`}>
              {knob.label}
            </label>
            <NumberInput
              knob={knob}
              spec={knobSpec(knob) ?? ['INT', { min: 16 }]}
              value={inputs[input] ?? ''}
              id={id}
              describedBy="size-help"
              wrong={faults.some((f) => f.input === input)}
              plain
            />
          </div>
        );
      })}
      <button
        type="button"
        class="quiet square"
        title="Swap width and height"
        aria-label="Swap width and height"
        onClick={() => {
          compose.sizeFollows.value = false;
          compose.setSize({ width: size.height, height: size.width });
        }}
      >
        <Icon name="swap" />
      </button>
      <button
        type="button"
        class="quiet square"
        title={picture?.shape ? `As the picture, ${picture.shape.width} × ${picture.shape.height}` : 'As the picture'}
        aria-label="As the picture"
        aria-pressed={compose.sizeFollows.value}
        onClick={() => {
          compose.sizeFollows.value = true;
          compose.followShape();
        }}
      >
        <Icon name="shape" />
      </button>
      <div class="help" id="size-help">
        {faults.map(({ input, words }) => (
          <p key={input} class="fault" role="alert">
            {input === 'width' ? 'Width' : 'Height'}: {words}
          </p>
        ))}
        {cut && (
          <p class="warning">
            {cut}{' '}
            {slot && (
              <button type="button" class="link" onClick={() => openEditor(slot, 'frame')}>
                Choose the part
              </button>
            )}
          </p>
        )}
        {!cut && faults.length === 0 && compose.sizeFollows.value && picture?.shape && (
          <p>The picture’s own shape, in steps of 8 pixels.</p>
        )}
      </div>
    </div>
  );
}
