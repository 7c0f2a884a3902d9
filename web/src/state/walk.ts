// The browser's Back and Forward: they lead through the views, on narrow screens through the parts of the first one, and
// out of the editor of pictures.
import { effect } from '@preact/signals';
import { editing, unsaved } from './form/editing';
import { say } from './notices';
import { type Column, column, type View, view, viewInAddress } from './view';

interface Where {
  view: View;
  column: Column;
  edits: boolean;
}

const NARROW = '(max-width: 760px)';

const here = (): Where => ({ view: view.value, column: column.value, edits: !!editing.value });
let now = here();
/** While the editor's step is being gone back over; what happens meanwhile comes after it. */
let leaving = false;

function address(where: Where): string {
  return where.view === 'paint' ? location.pathname + location.search : `#${where.view}`;
}

function note(): void {
  const before = now;
  now = here();
  if (leaving) return;
  if (before.edits && !now.edits) {
    // Left by a button of its own, it is left as Back would leave it.
    leaving = true;
    return history.back();
  }
  const elsewhere = now.view !== before.view || now.edits !== before.edits || (now.column !== before.column && matchMedia(NARROW).matches);
  if (elsewhere) history.pushState(now, '', address(now));
  else history.replaceState(now, '', address(now));
}

function take(event: PopStateEvent): void {
  const to = event.state as Partial<Where> | null;
  if (leaving) {
    leaving = false;
    if (to?.view === now.view) history.replaceState(now, '', address(now));
    else history.pushState(now, '', address(now));
    return;
  }
  if (editing.value && unsaved.value) {
    // Nothing that was painted is thrown away by that.
    history.pushState(now, '', address(now));
    return say('What was painted is not in use yet: use it, or cancel.');
  }
  editing.value = undefined;
  view.value = to?.view ?? viewInAddress();
  column.value = to?.column ?? 'compose';
  now = here();
}

/** Begins to listen. */
export function startWalking(): void {
  history.replaceState(now, '', address(now));
  addEventListener('popstate', take);
  addEventListener('beforeunload', (event) => unsaved.value && event.preventDefault());
  let planned = false;
  effect(() => {
    const seen = [view.value, column.value, editing.value];
    if (planned || (seen[0] === now.view && seen[1] === now.column && !!seen[2] === now.edits)) return;
    planned = true;
    // What changes at once is one step.
    queueMicrotask(() => {
      planned = false;
      const same = view.value === now.view && column.value === now.column && !!editing.value === now.edits;
      if (!same) note();
    });
  });
}
