// Which picture is being edited: masked, cropped, extended.
import { signal } from '@preact/signals';

export type EditTool = 'mask' | 'frame';
export const editing = signal<{ node: string; tool: EditTool } | undefined>(undefined);

/** Whether something was painted that is not in use yet. */
export const unsaved = signal(false);

export function openEditor(node: string, tool: EditTool): void {
  editing.value = { node, tool };
}
