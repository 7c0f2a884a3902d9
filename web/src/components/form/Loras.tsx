import { type Lora, MOST_LORAS } from '../../state/form/additions';
import { choicesOf, fileNamed, whyNot } from '../../state/form/catalog';
import * as compose from '../../state/form/compose';
import { Icon } from '../ui/Icon';
import { Picker } from '../ui/Picker';
import { fileChoices, model, shortName } from './Files';

function Row({ lora, index }: { lora: Lora; index: number }) {
  const { loras } = compose.additions.value;
  const change = (changes: Partial<Lora>) => compose.add({ loras: loras.map((l, i) => (i === index ? { ...l, ...changes } : l)) });
  const reason = whyNot(fileNamed('loras', lora.name), model(), ['lora']);
  const name = shortName(lora.name);
  return (
    <li class={`lora${reason ? ' wrong' : ''}`}>
      <span class="lora-name" title={lora.name}>
        {name}
      </span>
      <input
        class="slider"
        type="range"
        min={-1}
        max={2}
        step={0.05}
        value={lora.strength}
        style={{ '--share': `${((Math.max(-1, Math.min(2, lora.strength)) + 1) / 3) * 100}%` }}
        aria-label={`Weight of ${name}, slider`}
        onInput={(e) => change({ strength: Number(e.currentTarget.value) })}
      />
      <input
        class="number"
        type="number"
        step={0.05}
        value={lora.strength}
        aria-label={`Weight of ${name}`}
        onInput={(e) => Number.isFinite(e.currentTarget.valueAsNumber) && change({ strength: e.currentTarget.valueAsNumber })}
      />
      <button
        type="button"
        class="quiet square small"
        aria-label={`Remove ${name}`}
        onClick={() => compose.add({ loras: loras.filter((_, i) => i !== index) })}
      >
        <Icon name="close" size={14} />
      </button>
      {reason && <p class="fault">{reason}</p>}
    </li>
  );
}

/** LoRAs, each with its weight. */
export function LorasPanel() {
  const { loras } = compose.additions.value;
  const files = choicesOf('LoraLoader', 'lora_name');
  const left = files.filter((name) => !loras.some((l) => l.name === name));
  return (
    <details class="panel" open={loras.length > 0 || undefined}>
      <summary>
        <span class="panel-title">LoRAs</span>
        <span class="panel-told">
          {loras.length > 0 ? loras.map((l) => `${shortName(l.name)} ${l.strength}`).join(' · ') : files.length > 0 ? 'none' : 'the server has none'}
        </span>
      </summary>
      <div class="panel-body">
        <ul class="loras">
          {loras.map((lora, i) => (
            <Row key={lora.name} lora={lora} index={i} />
          ))}
        </ul>
        {left.length > 0 && loras.length < MOST_LORAS && (
          <Picker
            label="Add a LoRA"
            value=""
            empty="choose"
            choices={fileChoices(left, 'loras', (file) => whyNot(file, model(), ['lora']))}
            onPick={(name) => compose.add({ loras: [...loras, { name, strength: 1 }] })}
          />
        )}
        {files.length === 0 && <p class="hint">LoRA files belong into the models’ folder loras/.</p>}
      </div>
    </details>
  );
}
