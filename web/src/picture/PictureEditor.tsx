import '../styles/editor.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from '../components/ui/Icon';
import * as compose from '../state/form/compose';
import { editing, unsaved } from '../state/form/editing';
import { say } from '../state/notices';
import { FrameTools } from './FrameTools';
import { MaskTools } from './MaskTools';
import { type Made, Session, type Tool } from './session';
import { Surface } from './Surface';

const TOOLS: { tool: Tool; label: string; icon: IconName; key: string; masks: boolean }[] = [
  { tool: 'brush', label: 'Brush', icon: 'brush', key: 'b', masks: true },
  { tool: 'eraser', label: 'Eraser', icon: 'eraser', key: 'e', masks: true },
  { tool: 'fill', label: 'Fill by colour', icon: 'bucket', key: 'g', masks: true },
  { tool: 'frame', label: 'Crop and extend', icon: 'crop', key: 'c', masks: false },
  { tool: 'move', label: 'Move the view', icon: 'full', key: 'h', masks: false },
];
const FULLY = 1;

/** Puts what was made into the form. */
function take(node: string, made: Made, before: { width: number; height: number } | undefined): void {
  if (made.edit) compose.edits.value = { ...compose.edits.value, [made.name]: made.edit };
  compose.learnShape(made.name, made.shape);
  const knobs = compose.technique.value;
  const size = compose.prompt.value[knobs?.knobs.find((k) => k.input === 'width')?.node ?? '']?.inputs;
  const scale = before && size ? Number(size['width']) / before.width : 1;
  compose.setPicture(node, made.name);
  compose.add({ mask: made.mask ? { picture: made.mask } : undefined });
  if (!made.extended) return;
  // What was there keeps its size, and what is new comes beside it.
  const snap = (side: number) => Math.max(64, Math.round((side * scale) / 8) * 8);
  compose.setSize({ width: snap(made.shape.width), height: snap(made.shape.height) });
  const change = knobs?.knobs.find((k) => k.input === 'denoise');
  if (change) compose.setInput(change.node, 'denoise', FULLY);
  say('Change is set to 1: what lies beyond the edges is painted from nothing.');
}

/** A picture, large, with a brush for its mask and a frame to crop and extend it. */
export function PictureEditor() {
  const { node, tool } = editing.value ?? { node: '', tool: 'mask' as const };
  const dialog = useRef<HTMLDialogElement>(null);
  const [session, setSession] = useState<Session>();
  const [fault, setFault] = useState('');
  const [saving, setSaving] = useState(false);
  const name = String(compose.prompt.value[node]?.inputs['image'] ?? '');
  const first = compose.technique.value?.pictures[0]?.node === node;
  useEffect(() => {
    dialog.current?.showModal();
    const masks = first && !!compose.painted.value;
    Session.open(name, compose.edits.value[name], masks ? compose.additions.value.mask?.picture : undefined, masks).then(
      (opened) => {
        opened.tool.value = tool === 'mask' && masks ? 'brush' : 'frame';
        setSession(opened);
      },
      (error: unknown) => setFault(error instanceof Error ? error.message : 'This picture cannot be edited.'),
    );
  }, []);
  const close = () => (editing.value = undefined);
  useEffect(() => () => void (unsaved.value = false), []);
  const save = async () => {
    if (!session || saving) return;
    setSaving(true);
    try {
      const before = compose.shapes.value[name];
      take(node, await session.save(), before);
      close();
    } catch (error) {
      setFault(error instanceof Error ? error.message : 'It could not be sent.');
    } finally {
      setSaving(false);
    }
  };
  const key = (event: KeyboardEvent) => {
    if (!session || (event.target as HTMLElement).closest('input[type=text], input[type=number], select')) return;
    const ctrl = event.ctrlKey || event.metaKey;
    const pressed = event.key.toLowerCase();
    const found = TOOLS.find((t) => t.key === pressed && (session.masks || !t.masks));
    if (ctrl && pressed === 'z') (event.shiftKey ? () => session.redo() : () => session.undo())();
    else if (ctrl && pressed === 'y') session.redo();
    else if (ctrl && event.key === 'Enter') void save();
    else if (ctrl || event.altKey) return;
    else if (found) session.tool.value = found.tool;
    else if (pressed === 'i' && session.masks) session.invert();
    else if (pressed === '[' || pressed === ']') {
      const { size } = session.brush.value;
      session.brush.value = { ...session.brush.value, size: Math.max(2, Math.round(pressed === ']' ? size * 1.2 + 1 : size / 1.2)) };
    } else return;
    event.preventDefault();
    event.stopPropagation();
  };
  // At the window: a button that was pressed and is now disabled has no focus to hear keys with.
  useEffect(() => {
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  });
  return (
    <dialog
      ref={dialog}
      class="editor"
      aria-label="Edit the picture"
      onClose={close}
      // Escape throws nothing away that was painted.
      onCancel={(e) => session && session.undone.value.undo > 0 && e.preventDefault()}
    >
      <header class="editor-head">
        <div class="row" role="toolbar" aria-label="Tools">
          {TOOLS.filter((t) => !t.masks || session?.masks).map((t) => (
            <button
              key={t.tool}
              type="button"
              class="quiet tool"
              title={`${t.label} (${t.key.toUpperCase()})`}
              aria-pressed={session?.tool.value === t.tool}
              onClick={() => session && (session.tool.value = t.tool)}
            >
              <Icon name={t.icon} size={17} /> <span>{t.label}</span>
            </button>
          ))}
        </div>
        <span class="tool-gap" />
        {session && (
          <div class="row" role="group" aria-label="What was done">
            <button type="button" class="quiet square" title="Undo (Ctrl + Z)" aria-label="Undo" disabled={session.undone.value.undo === 0} onClick={() => session.undo()}>
              <Icon name="undo" />
            </button>
            <button type="button" class="quiet square" title="Redo (Ctrl + Shift + Z)" aria-label="Redo" disabled={session.undone.value.redo === 0} onClick={() => session.redo()}>
              <Icon name="redo" />
            </button>
          </div>
        )}
        <button type="button" onClick={close}>
          Cancel
        </button>
        <button type="button" class="primary" disabled={!session || saving} onClick={() => void save()}>
          {saving ? 'Sending …' : 'Use it'}
        </button>
      </header>
      {fault && (
        <p class="faults" role="alert">
          {fault}
        </p>
      )}
      {session && (
        <div class="editor-body">
          <Surface session={session} />
          <aside class="editor-side" aria-label="Settings of the tool">
            {session.tool.value === 'frame' ? <FrameTools session={session} /> : session.masks && <MaskTools session={session} />}
          </aside>
        </div>
      )}
      {!session && !fault && <div class="empty"><span class="spinner" /></div>}
    </dialog>
  );
}
