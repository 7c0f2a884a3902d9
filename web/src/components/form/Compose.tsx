import { useEffect } from 'preact/hooks';
import * as compose from '../../state/form/compose';
import { isLink, isSeed, wordsOf } from '../../state/form/draft';
import { Icon } from '../ui/Icon';
import { KnobField } from './KnobField';
import { PictureField } from './PictureField';
import { SeedField } from './SeedField';
import { StripPanel } from './StripPanel';
import { TechniquePicker } from './TechniquePicker';

function Words({ which, label, rows }: { which: 'prompts' | 'negatives'; label: string; rows: number }) {
  const nodes = compose.technique.value?.[which] ?? [];
  if (nodes.length === 0) return null;
  return (
    <label class="field">
      <span class="label">{label}</span>
      <textarea
        rows={rows}
        name={which}
        value={wordsOf(compose.prompt.value, nodes)}
        onInput={(e) => compose.setWords(which, e.currentTarget.value)}
      />
    </label>
  );
}

function Knobs() {
  const technique = compose.technique.value;
  if (!technique) return null;
  const shown = technique.knobs.filter((k) => {
    const value = compose.prompt.value[k.node]?.inputs[k.input];
    return value !== undefined && !isLink(value) && !isSeed(k.input);
  });
  const seed = technique.knobs.find((k) => isSeed(k.input));
  return (
    <div class="knobs">
      {shown.map((knob) => (
        <KnobField key={`${technique.name}.${knob.node}.${knob.input}`} knob={knob} />
      ))}
      {seed && <SeedField knob={seed} />}
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
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        void compose.run();
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, []);
  const submit = (event: Event) => {
    event.preventDefault();
    void compose.run();
  };
  return (
    <form class="compose" aria-label="Make a picture" onSubmit={submit} noValidate>
      <div class="compose-scroll">
        <TechniquePicker />
        {technique && (
          <>
            <div class={`slots count-${technique.pictures.length}`}>
              {technique.pictures.map((slot) => (
                <PictureField key={slot.node} slot={slot} />
              ))}
            </div>
            <Words which="prompts" label="What you want to see" rows={3} />
            <Words which="negatives" label="What to keep away" rows={2} />
            <Knobs />
            <StripPanel />
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
        >
          <Icon name="play" size={16} /> {compose.sending.value ? 'Sending …' : 'Run'}
        </button>
      </div>
    </form>
  );
}
