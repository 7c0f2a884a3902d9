import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './Icon';
import { useOutside } from './outside';

export interface MenuItem {
  icon: IconName;
  label: string;
  /** Why it cannot be chosen now. */
  reason?: string;
  run: () => void;
}

/** A button with a menu: arrow keys move in it, Escape or a click elsewhere shuts it. */
export function Menu({ label, items, class: name = '' }: { label: string; items: MenuItem[]; class?: string }) {
  const [open, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (open) place.current?.querySelector<HTMLElement>('[role=menuitem]')?.focus();
  }, [open]);
  useOutside(place, open, () => setOpen(false));
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const key = (event: KeyboardEvent) => {
    if (!open) return;
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Escape') {
      event.stopPropagation();
      close();
    } else if (by) {
      event.preventDefault();
      const all = [...place.current!.querySelectorAll<HTMLElement>('[role=menuitem]')];
      all[(all.indexOf(document.activeElement as HTMLElement) + by + all.length) % all.length]?.focus();
    }
  };
  return (
    <div class={`popover-place ${name}`} ref={place} onKeyDown={key}>
      <button ref={button} type="button" class="quiet tool action" aria-haspopup="menu" aria-expanded={open} title={label} onClick={() => setOpen(!open)}>
        <Icon name="more" /> <span>{label}</span>
      </button>
      {open && (
        <div class="popover menu" role="menu" aria-label={label}>
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              aria-disabled={!!item.reason}
              title={item.reason}
              onClick={() => {
                if (item.reason) return;
                close();
                item.run();
              }}
            >
              <Icon name={item.icon} size={17} />
              <span>
                {item.label}
                {item.reason && <em>{item.reason}</em>}
              </span>
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
