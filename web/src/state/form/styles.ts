// Saved styles: words that are added to any prompt. The server keeps them, so that they are there in other browsers.
import { signal } from '@preact/signals';
import * as routes from '../../api/routes';
import { say } from '../notices';
import * as compose from './compose';
import { withStyle } from './wordTools';

export interface Style {
  name: string;
  words: string;
  negative: string;
}
const SETTING = 'easel.styles';

export const styles = signal<Style[]>([]);
let asked = false;

function isStyle(value: unknown): value is Style {
  const style = value as Style | null;
  return typeof style?.name === 'string' && typeof style.words === 'string' && typeof style.negative === 'string';
}

export async function loadStyles(): Promise<void> {
  if (asked) return;
  asked = true;
  try {
    const kept = await routes.setting<unknown>(SETTING);
    if (Array.isArray(kept)) styles.value = kept.filter(isStyle);
  } catch {
    asked = false;
  }
}

async function keep(next: Style[]): Promise<void> {
  styles.value = next;
  try {
    await routes.keepSetting(SETTING, next);
  } catch (error) {
    say(`The styles could not be kept: ${error instanceof Error ? error.message : String(error)}`, 'bad');
  }
}

export function saveStyle(style: Style): Promise<void> {
  const others = styles.value.filter((s) => s.name !== style.name);
  return keep([...others, style].sort((a, b) => a.name.localeCompare(b.name)));
}

export function removeStyle(name: string): Promise<void> {
  return keep(styles.value.filter((s) => s.name !== name));
}

/** Adds a style's words to the form's, or takes them out again. */
export function applyStyle(style: Style): void {
  compose.setWords('prompts', withStyle(compose.wordsOf('prompts'), style.words));
  compose.setWords('negatives', withStyle(compose.wordsOf('negatives'), style.negative));
}
