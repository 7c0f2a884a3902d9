// The server's refusals in plain words, each at the field it belongs to. Pure functions.
import type { InputFault, Prompt, PromptFault } from '../../api/types';

export interface Faults {
  /** By "node.input". */
  fields: Record<string, string>;
  /** By node id; what no field shows is here as well. */
  nodes: Record<string, string[]>;
  /** Of the whole prompt. */
  general: string[];
}

export const noFaults: Faults = { fields: {}, nodes: {}, general: [] };

export function fieldKey(node: string, input: string): string {
  return `${node}.${input}`;
}

function sayValue(value: unknown): string {
  return typeof value === 'string' ? `“${value}”` : String(value);
}

/** The end of a sentence, where the text is without one. */
function sentence(text: string): string {
  const words = text.trim().replace(/[:;,\s]+$/, '');
  if (!words) return '';
  const begun = words[0]!.toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(begun) ? begun : `${begun}.`;
}

/** Sentences one after the other; those that say nothing are left out. */
function together(...sentences: string[]): string {
  return sentences.filter(Boolean).join(' ');
}

/** A value that is none of an input's choices, or a model file that is not there. */
function notInList({ extra_info: about = {} }: InputFault): string {
  const { input_name: input = '', input_config: config, received_value: value, code, hint = '' } = about;
  const isFile = code === 'model_missing';
  const choices = Array.isArray(config?.[0]) ? config[0].map(String) : [];
  if (choices.length > 0) {
    const shown = choices.slice(0, 4).join(', ') + (choices.length > 4 ? ', …' : '');
    return `${sayValue(value)} is not there. There is: ${shown}`;
  }
  // A long list is left out of the answer, with the declaration; what is closest to the value is told.
  if (isFile && config) return `The server has no ${sayValue(value)}, nor any other file of this kind.`;
  const what = isFile ? `The server has no file ${sayValue(value)}.` : `There is no ${input.replace(/_name$/, '')} ${sayValue(value)}.`;
  return together(what, sentence(hint));
}

/** One fault of one input. */
export function sayFault(fault: InputFault): string {
  const { code, input_config: config, received_value: value, received_type: got, class_type: type, reason = '', hint = '' } = fault.extra_info ?? {};
  const options = config?.[1] ?? {};
  switch (code) {
    case 'unknown_class':
      return type ? together(`The server has no node “${type}”.`, sentence(hint)) : 'The workflow does not say what node this is.';
    case 'input_missing':
      return 'Something must be given here.';
    case 'too_small':
      return `Must be at least ${options.min}.`;
    case 'too_large':
      return `Must be at most ${options.max}.`;
    case 'not_a_choice':
    case 'model_missing':
      return notInList(fault);
    case 'wrong_value_type':
      return `${sayValue(value)} cannot be read as ${config?.[0] === 'INT' ? 'a whole number' : 'a number'}.`;
    case 'picture_missing':
      return value ? together(`The server has no picture ${sayValue(value)}. Choose it again.`, sentence(hint)) : 'Choose a picture first.';
    case 'latent_missing':
      return `The server has no file ${sayValue(value)}.`;
    case 'wrong_link_type':
      return `A connection of the wrong kind: it brings ${got}${typeof config?.[0] === 'string' ? `, and ${config[0]} is needed` : ''}.`;
    case 'bad_link':
      return together('A connection is missing, or comes from nowhere.', sentence(reason));
    default:
      if (reason) return sentence(reason);
      return fault.message && fault.details ? `${fault.message.replace(/[.:\s]+$/, '')}: ${fault.details}` : sentence(fault.message || fault.details);
  }
}

/** What the server says of a job that failed, without the name of the node, which is shown beside it. */
export function sayFailure(data: Record<string, unknown>): string {
  if (data['code'] === 'picture_missing') {
    const given = (data['current_inputs'] as Record<string, unknown[]> | undefined)?.[String(data['input_name'])]?.[0];
    return together(`The server has no picture ${sayValue(given)} any more. Choose it again.`, sentence(String(data['hint'] ?? '')));
  }
  return sentence(String(data['reason'] ?? data['exception_message'] ?? '')) || 'The server did not say why.';
}

function titleOf(prompt: Prompt, id: string): string {
  const node = prompt[id];
  return node?._meta?.title || node?.class_type || `Node ${id}`;
}

/** Sorts a refusal by field. `shown` tells which fields the form has; the rest becomes general. */
export function readFaults(body: unknown, prompt: Prompt, shown: (field: string) => boolean): Faults {
  const { error, node_errors: byNode = {} } = (body ?? {}) as PromptFault;
  const out: Faults = { fields: {}, nodes: {}, general: [] };
  for (const [id, { errors }] of Object.entries(byNode)) {
    for (const fault of errors) {
      const input = fault.extra_info?.input_name ?? '';
      const words = sayFault(fault);
      const key = fieldKey(id, input);
      out.fields[key] = words;
      (out.nodes[id] ??= []).push(input ? `${input}: ${words}` : words);
      if (!shown(key)) out.general.push(`${titleOf(prompt, id)}${input ? `, ${input}` : ''}: ${words}`);
    }
  }
  if (Object.keys(byNode).length === 0) {
    const parts = typeof error === 'string' ? [error] : [error?.message ?? '', error?.details ?? ''];
    const said = parts.map(sentence).filter(Boolean).join(' ');
    out.general.push(said || 'The server refused this, and did not say why.');
  }
  return out;
}
