import { batch } from '@preact/signals';
import { fileNamed, modelFiles } from '../../state/form/catalog';
import * as compose from '../../state/form/compose';
import { inWords, proposal } from '../../state/form/fewSteps';
import { model } from './Files';

/** The settings that suit a model or LoRA made for few steps, where the form holds others; one click takes them. */
export function Proposed() {
  const technique = compose.technique.value;
  if (!technique) return null;
  const loras = compose.additions.value.loras.filter((l) => l.strength !== 0).flatMap((l) => fileNamed('loras', l.name) ?? []);
  const found = proposal({
    technique,
    prompt: compose.prompt.value,
    additions: compose.additions.value,
    model: model(),
    loras,
    files: modelFiles.value,
  });
  if (!found) return null;
  const { node, settings } = found;
  const take = () =>
    batch(() => {
      compose.setInput(node, 'steps', settings.steps);
      compose.setInput(node, 'cfg', settings.cfg);
      compose.setInput(node, 'sampler_name', settings.sampler);
      compose.setInput(node, 'scheduler', settings.scheduler);
      compose.add({ sampling: settings.sampling || undefined });
    });
  return (
    <div class="proposed" role="status" aria-label="Proposed settings">
      <p>
        <strong>{found.title ? `Made for few steps (${found.title})` : 'No model for few steps'}</strong>
        <span>{inWords(settings)}</span>
        {found.remark && <span class="proposed-remark">Not quite as its makers draw: {found.remark}.</span>}
      </p>
      <button type="button" onClick={take}>
        Use
      </button>
    </div>
  );
}
