// Words that were used before, newest first, kept in this browser.
import { signal } from '@preact/signals';
import { browserStore } from '../kept';

export interface UsedWords {
  words: string;
  negative: string;
}
const KEY = 'easel.words';
const KEPT = 60;

function stored(): UsedWords[] {
  try {
    const list: unknown = JSON.parse(browserStore.getItem(KEY) ?? '[]');
    return Array.isArray(list) ? list.filter((u): u is UsedWords => typeof u?.words === 'string') : [];
  } catch {
    return [];
  }
}

export const usedWords = signal<UsedWords[]>(stored());

export function remember(words: string, negative: string): void {
  if (!words.trim()) return;
  const others = usedWords.value.filter((u) => u.words !== words || u.negative !== negative);
  usedWords.value = [{ words, negative }, ...others].slice(0, KEPT);
  browserStore.setItem(KEY, JSON.stringify(usedWords.value));
}

export function forgetWords(used: UsedWords): void {
  usedWords.value = usedWords.value.filter((u) => u !== used);
  browserStore.setItem(KEY, JSON.stringify(usedWords.value));
}
