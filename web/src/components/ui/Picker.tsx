import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon } from './Icon';
import { useOutside } from './outside';

export interface Choice {
  value: string;
  title: string;
  detail?: string;
  /** Why it cannot be chosen. */
  reason?: string;
  /** Why it had better not be. */
  doubt?: string;
  picture?: string;
}
interface PickerProps {
  label: string;
  tooltip?: string;
  value: string;
  choices: Choice[];
  wrong?: string;
  onPick: (value: string) => void;
  /** Shown where nothing is chosen. */
  empty?: string;
}

const FILTER_FROM = 8;

function Option({ choice, chosen, active, id, onPick }: { choice: Choice; chosen: boolean; active: boolean; id: string; onPick: () => void }) {
  return (
    <li
      id={id}
      role="option"
      aria-selected={chosen}
      aria-disabled={!!choice.reason}
      class={`option${active ? ' active' : ''}${choice.reason || choice.doubt ? ' off' : ''}`}
      onPointerDown={(e) => e.preventDefault()}
      onClick={() => !choice.reason && onPick()}
    >
      {choice.picture && <img src={choice.picture} alt="" loading="lazy" />}
      <span class="option-words">
        <span>{choice.title}</span>
        {choice.detail && <span class="option-detail">{choice.detail}</span>}
        {(choice.reason ?? choice.doubt) && <em>{choice.reason ?? choice.doubt}</em>}
      </span>
      {chosen && <Icon name="check" size={16} />}
    </li>
  );
}

/** Shows what is chosen; opens into a list, where what cannot be chosen says why. */
export function Picker({ label, tooltip, value, choices, wrong, onPick, empty }: PickerProps) {
  const [open, setOpen] = useState(false);
  const [filter, setFilter] = useState('');
  const [active, setActive] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const words = filter.toLowerCase().split(/\s+/);
  const shown = choices.filter((c) => words.every((w) => `${c.title} ${c.detail ?? ''}`.toLowerCase().includes(w)));
  const now = choices.find((c) => c.value === value);
  const id = `pick-${label.replace(/\W+/g, '-')}`;
  useEffect(() => {
    if (open) (field.current ?? list.current)?.focus();
  }, [open]);
  useOutside(place, open, () => setOpen(false));
  useEffect(() => {
    // All of the list is brought into view, where the form scrolls.
    if (open) place.current?.querySelector('.pick-list')?.scrollIntoView({ block: 'nearest' });
  }, [open]);
  useEffect(() => {
    if (open) document.getElementById(`${id}-${active}`)?.scrollIntoView({ block: 'nearest' });
  }, [open, active]);
  const begin = () => {
    setFilter('');
    setActive(Math.max(0, choices.findIndex((c) => c.value === value)));
    setOpen(!open);
  };
  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const pick = (choice: Choice | undefined) => {
    if (!choice || choice.reason) return;
    onPick(choice.value);
    close();
  };
  const key = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Escape') {
      event.stopPropagation();
      close();
    } else if (event.key === 'Enter') {
      event.preventDefault();
      pick(shown[active]);
    } else if (by) {
      event.preventDefault();
      setActive(Math.max(0, Math.min(shown.length - 1, active + by)));
    }
  };
  const common = { 'aria-activedescendant': `${id}-${active}`, 'aria-label': label, onKeyDown: key };
  return (
    <div class={`pick${wrong ? ' wrong' : ''}`} ref={place}>
      <button
        ref={button}
        type="button"
        class="pick-button"
        aria-haspopup="listbox"
        aria-expanded={open}
        aria-label={`${label}: ${now?.title ?? (value || empty || 'none')}`}
        aria-invalid={!!wrong}
        title={tooltip}
        onClick={begin}
      >
        {now?.picture && <img src={now.picture} alt="" />}
        <span class="pick-label">{label}</span>
        <span class="pick-words">
          <span class="pick-title">{now?.title ?? (value || empty || 'none')}</span>
          {now?.detail && now.detail !== label && <span class="option-detail">{now.detail}</span>}
        </span>
        <Icon name="chevron" size={16} />
      </button>
      {!open && (wrong ?? now?.reason) && <p class="fault" role="alert">{wrong ?? now?.reason}</p>}
      {!open && !wrong && !now?.reason && now?.doubt && <p class="warning">{now.doubt}</p>}
      {open && (
        <div class="pick-list">
          {choices.length >= FILTER_FROM && (
            <input
              ref={field}
              class="text"
              role="combobox"
              aria-expanded="true"
              aria-controls={id}
              placeholder="Find …"
              value={filter}
              onInput={(e) => {
                setFilter(e.currentTarget.value);
                setActive(0);
              }}
              {...common}
            />
          )}
          <ul ref={list} id={id} role="listbox" tabIndex={choices.length >= FILTER_FROM ? -1 : 0} {...common}>
            {shown.map((choice, i) => (
              <Option
                key={choice.value}
                id={`${id}-${i}`}
                choice={choice}
                chosen={choice.value === value}
                active={i === active}
                onPick={() => pick(choice)}
              />
            ))}
          </ul>
          {shown.length === 0 && <p class="hint">{choices.length === 0 ? 'The server has none.' : 'Nothing is called that.'}</p>}
        </div>
      )}
    </div>
  );
}
