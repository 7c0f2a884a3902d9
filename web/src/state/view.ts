// Which part of the page is looked at.
import { signal } from '@preact/signals';
import type { FoundWorkflow } from './form/restore';

export type View = 'paint' | 'graph' | 'gallery';
const VIEWS: View[] = ['paint', 'graph', 'gallery'];

export function viewInAddress(): View {
  return VIEWS.find((v) => location.hash === `#${v}`) ?? 'paint';
}

export const view = signal<View>(viewInAddress());

/** On narrow screens one column is shown at a time. */
export type Column = 'compose' | 'stage' | 'side';
export const column = signal<Column>('compose');

/** What the graph view is to show next. */
export const graphToOpen = signal<FoundWorkflow | undefined>(undefined);
/** Takes files that are dropped or pasted while the graph is shown. */
export const graphTaker = signal<((files: File[], at?: { x: number; y: number }) => void) | undefined>(undefined);
/** The sheet of shortcuts. */
export const helpShown = signal(false);

export function setView(next: View): void {
  view.value = next;
}

export function openInGraph(found: FoundWorkflow): void {
  graphToOpen.value = found;
  setView('graph');
}

export function saveBlob(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

export function download(name: string, text: string): void {
  saveBlob(name, new Blob([text], { type: 'application/json' }));
}
