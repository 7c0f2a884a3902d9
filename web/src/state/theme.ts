// Dark or light: as the system says, or as chosen here.
import { effect, signal } from '@preact/signals';
import { browserStore } from './kept';

export type Theme = 'auto' | 'light' | 'dark';
const KEY = 'easel.theme';

function stored(): Theme {
  const value = browserStore.getItem(KEY);
  return value === 'light' || value === 'dark' ? value : 'auto';
}

export const theme = signal<Theme>(stored());
const system = matchMedia('(prefers-color-scheme: dark)');
const systemDark = signal(system.matches);
system.addEventListener('change', () => (systemDark.value = system.matches));

export function isDark(): boolean {
  return theme.value === 'auto' ? systemDark.value : theme.value === 'dark';
}

effect(() => {
  document.documentElement.dataset['theme'] = isDark() ? 'dark' : 'light';
  browserStore.setItem(KEY, theme.value);
});
