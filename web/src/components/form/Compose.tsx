import { useEffect } from 'preact/hooks';
import * as compose from '../../state/form/compose';
import { isLink } from '../../state/form/draft';
import { ownAxes, run } from '../../state/form/send';
import { jobCount } from '../../state/form/variations';
import { Icon } from '../ui/Icon';
import { ControlPanel } from './ControlPart';
import { CountField } from './CountField';
import { FilesPanel, ModelField } from './Files';
import { GridPanel } from './GridPanel';
import { KnobField } from './KnobField';
import { LorasPanel } from './Loras';
import { PictureField } from './PictureField';
import { Proposed } from './Proposed';
import { SeedField } from './SeedField';
import { SizeField } from './SizeField';
import { TechniquePicker } from './TechniquePicker';
import { Words } from './Words';

function Knobs() {
  const technique = compose.technique.value;
  if (!technique) return null;
  const shown = technique.knobs.filter((k) => {
    const value = compose.prompt.value[k.node]?.inputs[k.input];
    const size = k.input === 'width' || k.input === 'height';
    return value !== undefined && !isLink(value) && !k.seed && !size;
  });
  const seed = technique.knobs.find((k) => k.seed);
  return (
    <div class="knobs">
      {shown.map((knob) => (
        <KnobField key={`${technique.name}.${knob.node}.${knob.input}`} knob={knob} />
      ))}
      <SizeField />
      {seed && <SeedField knob={seed} />}
      {seed && <CountField />}
    </div>
  );
}

function General() {
  const { general } = compose.faults.value;
  if (general.length === 0) return null;
  return (
    <div class="faults" role="alert">
      {general.map((words) => (
        <p key={words}>{words}</p>
      ))}
    </div>
  );
}

/** The form on the left. */
export function Compose() {
  const technique = compose.technique.value;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && !document.querySelector('dialog[open]')) {
        event.preventDefault();
        void run();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    void run();
  };
  const pictures = technique ? jobCount(ownAxes(technique, [])) : 1;
  return (
    <form class="compose" aria-label="Make a picture" onSubmit={submit} noValidate>
      <div class="compose-scroll">
        <TechniquePicker />
        <ModelField />
        <Proposed />
        {technique && (
          <>
            <div class={`slots count-${technique.pictures.length}`}>
              {technique.pictures.map((slot) => (
                <PictureField key={slot.node} slot={slot} />
              ))}
            </div>
            <Words which="prompts" label="What you want to see" rows={3} tooltip="ComfyUI: the positive prompt" />
            <Words which="negatives" label="What to keep away" rows={2} tooltip="ComfyUI: the negative prompt" />
            <Knobs />
            <FilesPanel />
            <LorasPanel />
            <ControlPanel />
            <GridPanel />
          </>
        )}
      </div>
      <div class="compose-end">
        <General />
        <button
          type="submit"
          class="primary wide"
          disabled={!technique || !!technique.missing || compose.sending.value}
          title="Ctrl + Enter"
          aria-label={pictures > 1 ? `Run ${pictures} pictures` : undefined}
        >
          <Icon name="play" size={16} /> {compose.sending.value ? 'Sending …' : 'Run'}
          {pictures > 1 && <span class="times">×{pictures}</span>}
        </button>
      </div>
    </form>
  );
}
