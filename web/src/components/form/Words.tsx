import { useEffect, useRef, useState } from 'preact/hooks';
import * as routes from '../../api/routes';
import { choicesOf, embeddings } from '../../state/form/catalog';
import * as compose from '../../state/form/compose';
import { wordsOf } from '../../state/form/draft';
import { takeLoras } from '../../state/form/loraWords';
import { changeWeight, type Completions, completionsAt, sayTokens } from '../../state/form/wordTools';
import { StylesMenu, UsedWordsMenu } from './WordMenus';

const COUNT_AFTER_MS = 300;
const WEIGHT_STEP = 0.05;

/** How many tokens the words take, as the server counts them; nothing while that is not known. */
function useTokens(words: string): string {
  const [told, setTold] = useState('');
  useEffect(() => {
    if (!words.trim()) return setTold('');
    let late = false;
    const timer = setTimeout(() => {
      routes.tokenCounts(words).then(
        ({ chunks }) => late || setTold(sayTokens(chunks)),
        () => late || setTold(''),
      );
    }, COUNT_AFTER_MS);
    return () => {
      late = true;
      clearTimeout(timer);
    };
  }, [words]);
  return told;
}

interface WordsProps {
  which: 'prompts' | 'negatives';
  label: string;
  rows: number;
  tooltip: string;
}

/** A field for words: weights by Ctrl+Up and Ctrl+Down, names completed, tokens counted. */
export function Words({ which, label, rows, tooltip }: WordsProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [found, setFound] = useState<Completions>();
  const [active, setActive] = useState(0);
  const technique = compose.technique.value;
  const slots = technique?.[which] ?? [];
  const words = compose.wordsOf(which);
  const tokens = useTokens(words);
  if (!technique || slots.length === 0) return null;
  const main = which === 'prompts';
  const example = main ? wordsOf(technique.prompt, slots) : '';

  const write = (text: string, from: number, to: number) => {
    const field = area.current;
    if (field) {
      // At once, not with the next drawing: a key that is held comes again before that, and goes by text and caret.
      field.value = text;
      field.setSelectionRange(from, to);
    }
    compose.setWords(which, text);
  };
  const look = () => {
    const field = area.current;
    if (!field) return;
    const caret = field.selectionStart;
    setActive(0);
    setFound(completionsAt(field.value, caret, embeddings.value, main ? choicesOf('LoraLoader', 'lora_name') : []));
  };
  const complete = (index: number) => {
    const item = found?.items[index];
    if (!found || !item) return;
    const text = words.slice(0, found.from) + item.insert + words.slice(found.to);
    write(text, found.from + item.insert.length, found.from + item.insert.length);
    setFound(undefined);
  };
  const key = (event: KeyboardEvent) => {
    const field = area.current!;
    const by = event.key === 'ArrowUp' ? 1 : event.key === 'ArrowDown' ? -1 : 0;
    if (by && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      const made = changeWeight({ text: field.value, from: field.selectionStart, to: field.selectionEnd }, by * WEIGHT_STEP);
      return write(made.text, made.from, made.to);
    }
    if (!found) return;
    if (by) setActive((active - by + found.items.length) % found.items.length);
    else if (event.key === 'Enter' || event.key === 'Tab') complete(active);
    else if (event.key === 'Escape') setFound(undefined);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const id = `words-${which}`;
  return (
    <div class="field words">
      <div class="words-head">
        <label class="label" for={id} title={tooltip}>
          {label}
        </label>
        {tokens && <span class={`tokens${tokens.includes('chunks') ? ' long' : ''}`}>{tokens}</span>}
        {main && <UsedWordsMenu />}
        {main && <StylesMenu />}
      </div>
      <textarea
        ref={area}
        id={id}
        dir="auto"
        rows={rows}
        name={which}
        value={words}
        title={`${tooltip}. Ctrl + ↑ and ↓ weigh the word at the caret.`}
        placeholder={example ? `For example: ${example}` : ''}
        aria-autocomplete="list"
        aria-controls={found ? `${id}-found` : undefined}
        aria-activedescendant={found ? `${id}-found-${active}` : undefined}
        onInput={(e) => {
          compose.setWords(which, e.currentTarget.value);
          look();
        }}
        onKeyDown={key}
        onBlur={() => {
          setFound(undefined);
          if (main) takeLoras();
        }}
      />
      {found && (
        <ul class="completions" id={`${id}-found`} role="listbox" aria-label="Names that may be meant">
          {found.items.map((item, i) => (
            <li
              key={item.insert}
              id={`${id}-found-${i}`}
              role="option"
              aria-selected={i === active}
              class={i === active ? 'active' : ''}
              onPointerDown={(e) => {
                e.preventDefault();
                complete(i);
              }}
            >
              {item.label} <span class="option-detail">{item.kind}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
