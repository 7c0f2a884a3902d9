import { useRef } from 'preact/hooks';
import * as routes from '../../api/routes';
import type { Control } from '../../state/form/additions';
import { choicesOf, whyNot } from '../../state/form/catalog';
import * as compose from '../../state/form/compose';
import { acceptedPictures, sendPicture } from '../../state/form/pictureFile';
import { say } from '../../state/notices';
import { Picker } from '../ui/Picker';
import { fileChoices, model, shortName } from './Files';
import { Range } from './Range';

const NEW: Omit<Control, 'file'> = { picture: '', hint: 'canny', strength: 1, start: 0, end: 1 };
const HINTS = [
  { value: 'canny', title: 'Its edges (Canny)' },
  { value: 'none', title: 'The picture is a hint already' },
];

async function sendHint(file: File | undefined): Promise<void> {
  const control = compose.additions.value.control;
  if (!file || !control) return;
  try {
    compose.add({ control: { ...control, picture: routes.imageName(await sendPicture(file)) } });
  } catch (error) {
    say(error instanceof Error ? error.message : 'This picture could not be sent.', 'bad');
  }
}

function Hint({ control }: { control: Control }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="hint-picture">
      {control.picture && <img src={routes.viewAddress(routes.inputImage(control.picture))} alt="The hint" />}
      <span>{control.picture ? control.picture : 'Hint: your picture'}</span>
      <button type="button" class="small" onClick={() => input.current?.click()}>
        {control.picture ? 'Another' : 'Use another picture'}
      </button>
      {control.picture && (
        <button type="button" class="small" onClick={() => compose.add({ control: { ...control, picture: '' } })}>
          Use your picture
        </button>
      )}
      <input
        ref={input}
        class="hidden"
        type="file"
        accept={acceptedPictures()}
        tabIndex={-1}
        aria-label="Hint"
        onChange={(e) => {
          void sendHint(e.currentTarget.files?.[0]);
          e.currentTarget.value = '';
        }}
      />
    </div>
  );
}

/** A ControlNet that is added to the technique, and what it is held to. */
export function ControlPanel() {
  const { control } = compose.additions.value;
  const files = choicesOf('ControlNetLoader', 'control_net_name');
  const set = (changes: Partial<Control>) => compose.add({ control: { ...NEW, file: '', ...control, ...changes } });
  const choices = [
    { value: '', title: 'None' },
    ...fileChoices(files, 'controlnet', (file) => whyNot(file, model(), ['controlnet', 't2i_adapter'])),
  ];
  return (
    <details class="panel" open={!!control || undefined}>
      <summary>
        <span class="panel-title">ControlNet</span>
        <span class="panel-told">{control ? `${shortName(control.file)} ${control.strength}` : files.length > 0 ? 'none' : 'the server has none'}</span>
      </summary>
      <div class="panel-body">
        <Picker
          label="ControlNet"
          tooltip="ComfyUI: Load ControlNet Model, Apply ControlNet (Advanced)"
          value={control?.file ?? ''}
          choices={choices}
          onPick={(file) => (file ? set({ file }) : compose.add({ control: undefined }))}
        />
        {control && (
          <>
            <Hint control={control} />
            <Picker label="Holds to" value={control.hint} choices={HINTS} onPick={(hint) => set({ hint: hint as Control['hint'] })} />
            <Range label="How strictly" tooltip="ComfyUI: strength" value={control.strength} min={0} max={2} step={0.05} onChange={(strength) => set({ strength })} />
            <Range label="From" tooltip="ComfyUI: start_percent" value={control.start} min={0} max={1} step={0.05} onChange={(start) => set({ start })} />
            <Range label="Until" tooltip="ComfyUI: end_percent" value={control.end} min={0} max={1} step={0.05} onChange={(end) => set({ end })} />
          </>
        )}
      </div>
    </details>
  );
}
