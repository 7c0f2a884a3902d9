import { useEffect, useState } from 'preact/hooks';
import { attachAll, restore } from '../../state/form/compose';
import { isPicture } from '../../state/form/pictureFile';
import { say } from '../../state/notices';
import { graphTaker } from '../../state/view';
import { workflowInFile } from '../../state/form/restore';
import { Icon } from '../ui/Icon';

function holdsFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') ?? false;
}

function isWriting(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input, textarea');
}

/** What is dropped or pasted somewhere on the page: settings come back, other pictures become the reference. */
export async function takeFiles(files: File[], dropped?: { x: number; y: number }): Promise<void> {
  if (graphTaker.value) return graphTaker.value(files, dropped);
  for (const file of files) {
    const found = await workflowInFile(file).catch(() => undefined);
    if (found && restore(found)) return;
  }
  const pictures = files.filter(isPicture);
  if (pictures.length > 0) attachAll(pictures);
  else say('There is no picture and no workflow in this file.', 'bad');
}

/** Takes files dropped or pasted anywhere. */
export function DropAnywhere() {
  const [over, setOver] = useState(false);
  useEffect(() => {
    let depth = 0;
    const enter = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      depth++;
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (holdsFiles(event) && --depth <= 0) setOver(false);
    };
    const dragOver = (event: DragEvent) => {
      if (holdsFiles(event)) event.preventDefault();
    };
    const drop = (event: DragEvent) => {
      depth = 0;
      setOver(false);
      if (!holdsFiles(event) || event.defaultPrevented) return;
      event.preventDefault();
      void takeFiles([...(event.dataTransfer?.files ?? [])], { x: event.clientX, y: event.clientY });
    };
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      // Words that are copied from a document come with a picture of themselves.
      const words = isWriting(event.target) && event.clipboardData?.types.includes('text/plain');
      if (files.length === 0 || words) return;
      event.preventDefault();
      void takeFiles(files);
    };
    const handlers = { dragenter: enter, dragleave: leave, dragover: dragOver, drop, paste };
    for (const [name, handler] of Object.entries(handlers)) addEventListener(name, handler as EventListener);
    return () => {
      for (const [name, handler] of Object.entries(handlers)) removeEventListener(name, handler as EventListener);
    };
  }, []);
  if (!over) return null;
  return (
    <div class="drop-veil" aria-hidden="true">
      <div>
        <Icon name="picture" size={32} />
        <p>{graphTaker.value ? 'Drop a workflow to open it, or a picture to load it in a node' : 'Drop a picture to start from it, or one made here to bring its settings back'}</p>
      </div>
    </div>
  );
}
