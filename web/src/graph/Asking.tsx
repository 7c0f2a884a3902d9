import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { Icon } from '../components/ui/Icon';
import { useOutside } from '../components/ui/outside';
import { choosing, type Choosing, type Place, question, type Question } from './questions';
import type { Editor } from './editor';

const MARGIN = 6;
const FILTER_FROM = 9;

/** Puts an element at a place of the window, within the element it is in. */
function putAt(element: HTMLElement, at: Place): void {
  const room = element.parentElement!.getBoundingClientRect();
  const within = (wanted: number, size: number, most: number) => Math.max(MARGIN, Math.min(wanted, most - size - MARGIN));
  element.style.left = `${within(at.clientX - room.left - 24, element.offsetWidth, room.width)}px`;
  element.style.top = `${within(at.clientY - room.top - 24, element.offsetHeight, room.height)}px`;
}

/** Keeps an element at a place, also when the window gets smaller, and gives its field the focus. */
function useAt(place: { current: HTMLElement | null }, at: Place, field: string): void {
  useLayoutEffect(() => {
    const put = () => putAt(place.current!, at);
    put();
    const first = place.current!.querySelector<HTMLInputElement>(field);
    first?.focus();
    first?.select?.();
    addEventListener('resize', put);
    return () => removeEventListener('resize', put);
  }, []);
}

function Field({ editor, asked }: { editor: Editor; asked: Question }) {
  const place = useRef<HTMLDivElement>(null);
  const field = useRef<HTMLInputElement & HTMLTextAreaElement>(null);
  const close = () => {
    question.value = undefined;
    editor.takeFocus();
  };
  // What was written is taken also by going elsewhere: only Escape throws it away.
  const take = () => {
    if (!field.current) return; // it has just closed: whoever listens for going elsewhere ends a moment later
    const text = field.current.value;
    close();
    if (text !== asked.value) editor.change(() => asked.take(text));
  };
  useAt(place, asked.at, '.value');
  useOutside(place, true, take);
  const key = (event: KeyboardEvent) => {
    const runs = event.ctrlKey || event.metaKey;
    if (event.key === 'Escape') {
      event.stopPropagation();
      close();
    } else if (event.key === 'Enter' && (runs || !asked.long)) {
      event.preventDefault();
      take();
    }
  };
  const common = { ref: field, class: 'text value', 'aria-label': asked.title, onKeyDown: key };
  return (
    <div ref={place} class="asking ask" role="dialog" aria-label={asked.title}>
      <span class="name" aria-hidden="true">
        {asked.title}
      </span>
      {asked.long ? <textarea dir="auto" rows={7} {...common}>{asked.value}</textarea> : <input dir="auto" defaultValue={asked.value} {...common} />}
      <button type="button" class="small" onClick={take}>
        OK
      </button>
    </div>
  );
}

function List({ editor, asked }: { editor: Editor; asked: Choosing }) {
  const place = useRef<HTMLDivElement>(null);
  const [typed, setTyped] = useState('');
  const [active, setActive] = useState(Math.max(0, asked.values.indexOf(asked.now)));
  const words = typed.toLowerCase().split(/\s+/);
  const shown = asked.values.filter((value) => words.every((w) => value.toLowerCase().includes(w)));
  const filters = asked.values.length >= FILTER_FROM;
  const close = () => {
    choosing.value = undefined;
    editor.takeFocus();
  };
  const take = (value: string | undefined) => {
    if (value === undefined) return;
    close();
    editor.change(() => asked.take(value));
  };
  useAt(place, asked.at, 'input, ul');
  useEffect(() => place.current?.querySelector('.active')?.scrollIntoView({ block: 'nearest' }), [active]);
  useOutside(place, true, close);
  const key = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && !event.ctrlKey) take(shown[active]);
    else if (by) setActive(Math.max(0, Math.min(shown.length - 1, active + by)));
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const common = { 'aria-label': asked.title, 'aria-activedescendant': `choice-${active}`, onKeyDown: key };
  return (
    <div ref={place} class="asking value-list">
      {filters && (
        <input
          class="text"
          role="combobox"
          aria-expanded="true"
          aria-controls="choices"
          placeholder="Find …"
          value={typed}
          onInput={(e) => {
            setTyped(e.currentTarget.value);
            setActive(0);
          }}
          {...common}
        />
      )}
      <ul id="choices" role="listbox" tabIndex={filters ? -1 : 0} {...common}>
        {shown.map((value, i) => (
          <li
            key={value}
            id={`choice-${i}`}
            role="option"
            aria-selected={value === asked.now}
            class={`option${i === active ? ' active' : ''}`}
            onPointerDown={(e) => e.preventDefault()}
            onClick={() => take(value)}
          >
            <span class="option-words">{value}</span>
            {value === asked.now && <Icon name="check" size={16} />}
          </li>
        ))}
        {shown.length === 0 && <li class="hint">{asked.values.length === 0 ? 'The server has none.' : 'Nothing is called that.'}</li>}
      </ul>
    </div>
  );
}

/** What is asked for at the moment, where it is asked. */
export function Asking({ editor }: { editor: Editor }) {
  const asked = question.value;
  const list = choosing.value;
  useEffect(() => () => void (question.value = choosing.value = undefined), []);
  if (asked) return <Field key={asked} editor={editor} asked={asked} />;
  return list ? <List key={list} editor={editor} asked={list} /> : null;
}
