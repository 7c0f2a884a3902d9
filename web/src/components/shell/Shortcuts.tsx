import { useEffect, useRef } from 'preact/hooks';
import { focus } from '../../state/jobs/session';
import { comparing, detailsShown, lens, step } from '../../state/stage/looking';
import { helpShown, setView, view } from '../../state/view';
import { toggleFullscreen } from '../stage/PixelTools';

interface Shortcut {
  /** As KeyboardEvent.key, for what happens here; or how it is shown, for what happens elsewhere. */
  key: string;
  words: string;
  run?: () => void;
}

function press(label: string): void {
  document.querySelector<HTMLElement>(`.pixel-tools [aria-label="${label}"]`)?.click();
}

const ANYWHERE: Shortcut[] = [
  { key: '?', words: 'This sheet', run: () => (helpShown.value = true) },
  { key: 'Ctrl + Enter', words: 'Run' },
  { key: 'p', words: 'Paint', run: () => setView('paint') },
  { key: 'g', words: 'Graph', run: () => setView('graph') },
  { key: 'l', words: 'Gallery', run: () => setView('gallery') },
];
const LOOKING: Shortcut[] = [
  { key: 'ArrowLeft', words: 'The picture made before', run: () => step(-1, focus.value) },
  { key: 'ArrowRight', words: 'The picture made after', run: () => step(1, focus.value) },
  { key: '+', words: 'Larger', run: () => press('Larger') },
  { key: '-', words: 'Smaller', run: () => press('Smaller') },
  { key: '0', words: 'All of it', run: () => (lens.value = 'fit') },
  { key: '1', words: 'One picture pixel on one of the screen', run: () => document.querySelector<HTMLElement>('.zoom-share')?.click() },
  { key: 'f', words: 'Whole screen', run: toggleFullscreen },
  { key: 'c', words: 'Compare, or not', run: () => (comparing.value = !comparing.value) },
  { key: 'i', words: 'Details', run: () => (detailsShown.value = !detailsShown.value) },
];
const ELSEWHERE: Record<string, Shortcut[]> = {
  'In the words': [
    { key: 'Ctrl + ↑, ↓', words: 'More or less weight' },
    { key: 'embedding:, <lora:', words: 'Names are completed' },
    { key: '{a|b}', words: 'A picture of each' },
  ],
  'On a picture that is edited': [
    { key: 'B, E, G', words: 'Brush, eraser, fill by colour' },
    { key: '[ and ]', words: 'Smaller, larger brush' },
    { key: 'Ctrl + Z, Ctrl + Shift + Z', words: 'Undo, redo' },
    { key: 'I', words: 'Invert the mask' },
    { key: 'Space', words: 'Held, the mouse moves the picture' },
  ],
  'In the graph': [
    { key: 'Ctrl + Z, Ctrl + Y', words: 'Undo, redo' },
    { key: 'Double click, /', words: 'Find a node to add' },
    { key: 'Ctrl + C, Ctrl + V', words: 'Copy, paste: nodes, or a picture' },
    { key: 'Ctrl + B, Ctrl + M', words: 'Bypass, mute' },
    { key: 'Ctrl + G', words: 'Group what is chosen' },
    { key: 'Delete', words: 'Remove what is chosen' },
    { key: 'Double click, Esc', words: 'Enter a subgraph, leave it' },
    { key: '.', words: 'All of it in view' },
  ],
};
const NAMES: Record<string, string> = { ArrowLeft: '←', ArrowRight: '→' };

function isBusy(event: KeyboardEvent): boolean {
  const target = event.target as HTMLElement | null;
  if (document.querySelector('dialog[open]')) return true;
  return !!target?.closest('input:not([type=checkbox]), textarea, select, [role=listbox], [role=menu], canvas');
}

/** Takes the keys that mean something wherever one is. */
export function useShortcuts(): void {
  useEffect(() => {
    const take = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isBusy(event)) return;
      const here = view.value === 'paint' ? [...ANYWHERE, ...LOOKING] : ANYWHERE;
      const found = here.find((s) => s.run && (s.key === event.key || (s.key === '+' && event.key === '=')));
      if (!found) return;
      event.preventDefault();
      found.run!();
    };
    addEventListener('keydown', take);
    return () => removeEventListener('keydown', take);
  }, []);
}

function List({ title, items }: { title: string; items: Shortcut[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {items.map(({ key, words }) => (
          <div key={key}>
            <dt>
              <kbd>{NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key)}</kbd>
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** The sheet of shortcuts. */
export function Shortcuts() {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="dialog sheet" aria-labelledby="shortcuts-title" onClose={() => (helpShown.value = false)}>
      <form method="dialog">
        <div class="side-head">
          <h2 id="shortcuts-title">Shortcuts</h2>
          <button type="submit" class="quiet">
            Close
          </button>
        </div>
      </form>
      <div class="sheet-lists">
        <List title="Anywhere" items={ANYWHERE} />
        <List title="Looking at a picture" items={LOOKING} />
        {Object.entries(ELSEWHERE).map(([title, items]) => (
          <List key={title} title={title} items={items} />
        ))}
      </div>
    </dialog>
  );
}
