// What keys do in the graph view.
import { workflowInJson } from '../state/form/restore';
import { copied, copyNodes } from './clipboard';
import { chosenNodes, groupNodes, toggleMode } from './commands';
import { BYPASSED, MUTED } from './document';
import type { Editor } from './editor';

/** Where the keys mean what they always do. */
const ELSEWHERE = 'input, textarea, select, dialog, [role=menu], .asking';

function isElsewhere(event: Event): boolean {
  return event.target instanceof Element && event.target.closest(ELSEWHERE) !== null;
}

/** Listens wherever one is in the graph view. Returns what ends it. `noted`: something may have been done. */
export function bindKeys(editor: Editor, noted: () => void): () => void {
  const down = (event: KeyboardEvent) => {
    const ctrl = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    if (isElsewhere(event)) return;
    const chosen = chosenNodes(editor.canvas);
    // Copied and pasted with what the browser makes of these keys: it tells what is on the clipboard.
    if (ctrl && 'cvx'.includes(key) && key) return event.stopPropagation();
    if (ctrl && key === 'z') (event.shiftKey ? () => editor.redo() : () => editor.undo())();
    else if (ctrl && key === 'y') editor.redo();
    else if (ctrl && key === 'd') editor.duplicate();
    else if (ctrl && key === 'b') editor.change(() => toggleMode(chosen, BYPASSED));
    else if (ctrl && key === 'm') editor.change(() => toggleMode(chosen, MUTED));
    else if (ctrl && key === 'g') editor.change(() => groupNodes(editor.graph, chosen));
    else if (ctrl && key === 'a') editor.canvas.selectItems();
    else if ((key === 'delete' || key === 'backspace') && editor.canvas.selectedItems.size > 0) editor.change(() => editor.canvas.deleteSelected());
    else if (!ctrl && key === '/') editor.search();
    else if (!ctrl && key === '.') editor.fit();
    else if (key === 'escape' && chosen.length > 0) editor.canvas.deselectAll();
    else if (key === 'escape' && editor.path.value.length > 0) editor.leave(editor.path.value.length - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const run = (event: KeyboardEvent) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void editor.runAll();
  };
  const copy = (event: ClipboardEvent) => {
    if (isElsewhere(event) || chosenNodes(editor.canvas).length === 0 || String(getSelection())) return;
    event.clipboardData?.setData('text/plain', copyNodes(editor.canvas));
    event.preventDefault();
    if (event.type === 'cut') editor.change(() => editor.canvas.deleteSelected());
  };
  const paste = (event: ClipboardEvent) => {
    if (isElsewhere(event)) return;
    const { files } = event.clipboardData ?? {};
    if (files?.length) return; // taken by whoever takes files
    event.preventDefault();
    const text = event.clipboardData?.getData('text/plain') ?? '';
    // Nodes that were copied here, or a whole workflow from somewhere else.
    const found = text === copied() ? undefined : workflowInJson(text);
    if (found) editor.open(found, true);
    else editor.paste();
  };
  // After the library has done what a key or a button means.
  const note = () => setTimeout(noted);
  const takers: [string, (event: never) => void, boolean][] = [
    // Before the library's own, which listens at the canvas.
    ['keydown', down, true],
    ['keydown', run, false],
    ['copy', copy, false],
    ['cut', copy, false],
    ['paste', paste, false],
    ['pointerup', note, false],
    ['keyup', note, false],
  ];
  for (const [type, take, first] of takers) addEventListener(type, take as EventListener, first);
  return () => takers.forEach(([type, take, first]) => removeEventListener(type, take as EventListener, first));
}
