// LoRAs that are written into the words, "<lora:name:0.8>", as other programs have them.
import { choicesOf } from './catalog';
import * as compose from './compose';
import { MOST_LORAS } from './additions';
import { partLoras } from './wordTools';

/** Moves the LoRAs in the form's words into its list. */
export function takeLoras(): void {
  const { words, loras } = partLoras(compose.wordsOf('prompts'), choicesOf('LoraLoader', 'lora_name'));
  if (loras.length === 0) return;
  compose.setWords('prompts', words);
  const others = compose.additions.value.loras.filter((l) => !loras.some((n) => n.name === l.name));
  compose.add({ loras: [...others, ...loras].slice(0, MOST_LORAS) });
}
