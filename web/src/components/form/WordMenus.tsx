import { useState } from 'preact/hooks';
import * as compose from '../../state/form/compose';
import { forgetWords, usedWords } from '../../state/form/history';
import { applyStyle, loadStyles, removeStyle, saveStyle, styles } from '../../state/form/styles';
import { Icon } from '../ui/Icon';
import { Popover } from '../ui/Popover';

function Empty({ children }: { children: string }) {
  return <p class="hint">{children}</p>;
}

/** Words of earlier runs. */
export function UsedWordsMenu() {
  return (
    <Popover icon="clock" label="Words used before">
      {(close) =>
        usedWords.value.length === 0 ? (
          <Empty>What you run with is remembered here.</Empty>
        ) : (
          <ul class="menu-list">
            {usedWords.value.map((used) => (
              <li key={`${used.words}|${used.negative}`}>
                <button
                  type="button"
                  class="menu-item"
                  onClick={() => {
                    compose.setWords('prompts', used.words);
                    compose.setWords('negatives', used.negative);
                    close();
                  }}
                >
                  <span dir="auto" class="two-lines">{used.words}</span>
                </button>
                <button type="button" class="quiet square small" aria-label={`Forget “${used.words}”`} onClick={() => forgetWords(used)}>
                  <Icon name="close" size={14} />
                </button>
              </li>
            ))}
          </ul>
        )
      }
    </Popover>
  );
}

function SaveStyle() {
  const [name, setName] = useState('');
  const words = compose.wordsOf('prompts');
  const save = () => {
    if (!name.trim()) return;
    void saveStyle({ name: name.trim(), words, negative: compose.wordsOf('negatives') });
    setName('');
  };
  return (
    <div class="menu-foot">
      <input
        class="text"
        placeholder="Name of a new style"
        aria-label="Name of a new style"
        value={name}
        onInput={(e) => setName(e.currentTarget.value)}
        onKeyDown={(e) => {
          if (e.key !== 'Enter') return;
          e.preventDefault();
          save();
        }}
      />
      <button type="button" disabled={!name.trim() || !words.trim()} onClick={save}>
        Save these words
      </button>
      <p class="hint">{'A style is added behind your words, or around them where it says {prompt}. Choosing it again takes it out.'}</p>
    </div>
  );
}

/** Saved styles. */
export function StylesMenu() {
  return (
    <Popover icon="style" label="Styles" onOpen={() => void loadStyles()}>
      {() => (
        <>
          {styles.value.length === 0 && <Empty>Styles that you save stand here.</Empty>}
          <ul class="menu-list">
            {styles.value.map((style) => (
              <li key={style.name}>
                <button type="button" class="menu-item" title={style.words} onClick={() => applyStyle(style)}>
                  <strong>{style.name}</strong>
                  <span dir="auto" class="two-lines option-detail">{style.words}</span>
                </button>
                <button type="button" class="quiet square small" aria-label={`Delete the style ${style.name}`} onClick={() => void removeStyle(style.name)}>
                  <Icon name="close" size={14} />
                </button>
              </li>
            ))}
          </ul>
          <SaveStyle />
        </>
      )}
    </Popover>
  );
}
