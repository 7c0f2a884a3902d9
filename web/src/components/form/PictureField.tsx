import { useRef, useState } from 'preact/hooks';
import { inputImage, viewAddress } from '../../api/routes';
import type { PictureSlot } from '../../api/types';
import * as compose from '../../state/form/compose';
import { openEditor } from '../../state/form/editing';
import { fieldKey } from '../../state/form/errors';
import { acceptedPictures, isPicture } from '../../state/form/pictureFile';
import type { FoundWorkflow } from '../../state/form/restore';
import { workflowInFile } from '../../state/form/restore';
import { cutOff, type Shape, sizeKnobs, UNSEEN } from '../../state/form/size';
import { say } from '../../state/notices';
import { Icon } from '../ui/Icon';

async function offerSettings(file: File): Promise<void> {
  const found: FoundWorkflow | undefined = await workflowInFile(file).catch(() => undefined);
  if (!found?.prompt) return;
  say('This picture remembers how it was made.', 'plain', {
    label: 'Bring its settings back',
    run: () => compose.restore(found),
  });
}

/** The picture, with its mask over it, and what the size cuts off shaded. */
function Face({ source, name, first, onBroken }: { source: string; name: string; first: boolean; onBroken: () => void }) {
  const technique = compose.technique.value;
  const shape = compose.shapes.value[name];
  const mask = first ? compose.additions.value.mask : undefined;
  const inputs = compose.prompt.value[(technique && sizeKnobs(technique)?.node) ?? '']?.inputs;
  const size: Shape | undefined = inputs && { width: Number(inputs['width']), height: Number(inputs['height']) };
  const cut = first && shape && size && compose.painted.value?.scale ? cutOff(shape, size) : { x: 0, y: 0 };
  const shaded = Math.max(cut.x, cut.y) > UNSEEN;
  return (
    <span class={`slot-picture${shape ? ' shaped' : ''}`} style={shape ? { '--ratio': String(shape.width / shape.height) } : undefined}>
      <img
        src={source}
        alt=""
        onError={onBroken}
        onLoad={(e) => name && compose.learnShape(name, { width: e.currentTarget.naturalWidth, height: e.currentTarget.naturalHeight })}
      />
      {mask && <span class="slot-mask" style={{ '--mask': `url("${viewAddress(inputImage(mask.picture))}")` }} />}
      {shaded && <span class="slot-kept" style={{ inset: `${cut.y * 50}% ${cut.x * 50}%` }} />}
    </span>
  );
}

/** A place for a picture: drop, click, or paste; masked, cropped and extended from here. */
export function PictureField({ slot }: { slot: PictureSlot }) {
  const input = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [broken, setBroken] = useState('');
  const name = String(compose.prompt.value[slot.node]?.inputs['image'] ?? '');
  const local = compose.uploading.value[slot.node];
  const fault = compose.faults.value.fields[fieldKey(slot.node, 'image')];
  const source = local ?? (name ? viewAddress(inputImage(name)) : '');
  const first = compose.technique.value?.pictures[0]?.node === slot.node;
  const paints = first && !!compose.painted.value;
  const mask = first ? compose.additions.value.mask : undefined;
  const take = (file: File | undefined) => {
    if (!file) return;
    void compose.attach(slot.node, file);
    void offerSettings(file);
  };
  const drop = (event: DragEvent) => {
    setOver(false);
    const file = event.dataTransfer?.files[0];
    if (!file || !isPicture(file)) return;
    event.preventDefault();
    take(file);
  };
  const faultId = `fault-${slot.node}-image`;
  const seen = source && broken !== source;
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
        {seen ? (
          <Face source={source} name={local ? '' : name} first={first} onBroken={() => setBroken(source)} />
        ) : (
          <span class="slot-empty">
            <Icon name="picture" size={26} />
            {local ? (
              <span>Sending …</span>
            ) : broken && broken === source ? (
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
          onClick={() => compose.setPicture(slot.node, '')}
        >
          <Icon name="close" size={14} />
        </button>
      )}
      {name && !local && seen && (
        <div class="slot-tools">
          {paints && (
            <button type="button" class="small" title="Paint only a part of it anew (inpainting)" aria-pressed={!!mask} onClick={() => openEditor(slot.node, 'mask')}>
              <Icon name="mask" size={15} /> {mask ? 'Mask …' : 'Mask'}
            </button>
          )}
          <button type="button" class="small" title={paints ? 'Crop it, or paint beyond its edges (outpainting)' : 'Crop it'} onClick={() => openEditor(slot.node, 'frame')}>
            <Icon name="crop" size={15} /> {paints ? 'Crop, extend' : 'Crop'}
          </button>
          {mask && (
            <button type="button" class="small" title="Paint all of it again" onClick={() => compose.add({ mask: undefined })}>
              <Icon name="close" size={15} /> No mask
            </button>
          )}
        </div>
      )}
      <input
        ref={input}
        class="hidden"
        type="file"
        accept={acceptedPictures()}
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
