import { useEffect, useRef } from 'preact/hooks';
import type { MenuItem } from '../components/ui/Menu';
import { Icon } from '../components/ui/Icon';
import { useOutside } from '../components/ui/outside';
import type { Editor } from './editor';

/** What is wrong with nodes, each beside its node. */
export function FaultNotes({ editor }: { editor: Editor }) {
  editor.moved.value;
  return (
    <div class="fault-notes" aria-hidden="true">
      {editor.notes().map((note) => (
        <div key={note.id} class="fault-note" style={{ left: `${note.x}px`, top: `${note.y}px`, width: `${note.width}px` }}>
          {note.words.map((words) => (
            <p key={words}>{words}</p>
          ))}
        </div>
      ))}
    </div>
  );
}

/** The menu at a place of the graph. */
export function GraphMenu({ editor }: { editor: Editor }) {
  const menu = editor.menu.value;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!menu || !element) return undefined;
    // Kept within the window, also when that gets smaller.
    const keep = () => {
      const { clientWidth, clientHeight } = element.parentElement!;
      element.style.left = `${Math.max(4, Math.min(menu.x, clientWidth - element.offsetWidth - 4))}px`;
      element.style.top = `${Math.max(4, Math.min(menu.y, clientHeight - element.offsetHeight - 4))}px`;
    };
    keep();
    addEventListener('resize', keep);
    element.querySelector<HTMLElement>('[role=menuitem]')?.focus();
    return () => removeEventListener('resize', keep);
  }, [menu]);
  useOutside(place, !!menu, () => (editor.menu.value = undefined));
  if (!menu) return null;
  const close = () => {
    editor.menu.value = undefined;
    editor.takeFocus();
  };
  const key = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    event.stopPropagation();
    if (event.key === 'Escape') close();
    if (!by) return;
    event.preventDefault();
    const all = [...place.current!.querySelectorAll<HTMLElement>('[role=menuitem]')];
    all[(all.indexOf(document.activeElement as HTMLElement) + by + all.length) % all.length]?.focus();
  };
  const run = (item: MenuItem) => {
    close();
    item.run();
  };
  return (
    <div ref={place} class="popover menu graph-menu" role="menu" aria-label={menu.title} style={{ left: `${menu.x}px`, top: `${menu.y}px` }} onKeyDown={key}>
      <p class="menu-title">{menu.title}</p>
      {menu.items.map((item) => (
        <button key={item.label} type="button" role="menuitem" onClick={() => run(item)}>
          <Icon name={item.icon} size={16} /> <span>{item.label}</span>
        </button>
      ))}
    </div>
  );
}
