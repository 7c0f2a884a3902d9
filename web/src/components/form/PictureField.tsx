import { useRef, useState } from 'preact/hooks';
import { inputImage, viewAddress } from '../../api/routes';
import type { PictureSlot } from '../../api/types';
import * as compose from '../../state/form/compose';
import { fieldKey } from '../../state/form/errors';
import { say } from '../../state/notices';
import { workflowInFile } from '../../state/form/restore';
import { Icon } from '../ui/Icon';

async function offerSettings(file: File): Promise<void> {
  const found = await workflowInFile(file).catch(() => undefined);
  if (!found?.prompt) return;
  say('This picture remembers how it was made.', 'plain', {
    label: 'Bring its settings back',
    run: () => compose.restore(found),
  });
}

/** A place for a picture: drop, click, or paste. */
export function PictureField({ slot }: { slot: PictureSlot }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [broken, setBroken] = useState('');
  const name = String(compose.prompt.value[slot.node]?.inputs['image'] ?? '');
  const local = compose.uploading.value[slot.node];
  const fault = compose.faults.value.fields[fieldKey(slot.node, 'image')];
  const source = local ?? (name ? viewAddress(inputImage(name)) : '');
  const take = (file: File | undefined) => {
    if (!file) return;
    void compose.attach(slot.node, file);
    void offerSettings(file);
  };
  const drop = (event: DragEvent) => {
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (!file || !file.type.startsWith('image/')) return;
    event.preventDefault();
    take(file);
  };
  const faultId = `fault-${slot.node}-image`;
  return (
    <div class={`slot${fault ? ' wrong' : ''}${over ? ' over' : ''}`}>
      <button
        type="button"
        class="slot-face"
        aria-label={`${slot.label}: ${name ? `${name}. Choose another` : 'choose a picture'}`}
        aria-describedby={fault ? faultId : undefined}
        onClick={() => input.current?.click()}
        onDragOver={(e) => {
          e.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        {source && broken !== source ? (
          <img src={source} alt="" onError={() => setBroken(source)} />
        ) : (
          <span class="slot-empty">
            <Icon name="picture" size={26} />
            {broken && broken === source ? (
              <span>“{name}” is not on the server</span>
            ) : (
              <span>
                Drop a picture, <u>choose</u> or paste one
              </span>
            )}
          </span>
        )}
        <span class="slot-label">{slot.label}</span>
        {local && <span class="slot-busy spinner" role="status" aria-label="Sending" />}
      </button>
      {name && !local && (
        <button
          type="button"
          class="slot-remove"
          aria-label={`Remove ${slot.label}`}
          onClick={() => compose.setInput(slot.node, 'image', '')}
        >
          <Icon name="close" size={14} />
        </button>
      )}
      <input
        ref={input}
        class="hidden"
        type="file"
        accept="image/*"
        tabIndex={-1}
        aria-label={slot.label}
        onChange={(e) => {
          take(e.currentTarget.files?.[0]);
          e.currentTarget.value = '';
        }}
      />
      {fault && (
        <p class="fault" id={faultId} role="alert">
          {fault}
        </p>
      )}
    </div>
  );
}
