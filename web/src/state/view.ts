// Which part of the page is looked at.
import { signal } from '@preact/signals';
import type { FoundWorkflow } from './form/restore';

export type View = 'paint' | 'graph';
export const view = signal<View>(location.hash === '#graph' ? 'graph' : 'paint');

/** On narrow screens one column is shown at a time. */
export type Column = 'compose' | 'stage' | 'side';
export const column = signal<Column>('compose');

/** What the graph view is to show next. */
export const graphToOpen = signal<FoundWorkflow | undefined>(undefined);

export function setView(next: View): void {
  view.value = next;
  history.replaceState(null, '', next === 'graph' ? '#graph' : location.pathname + location.search);
}

export function openInGraph(found: FoundWorkflow): void {
  graphToOpen.value = found;
  setView('graph');
}

export function download(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
