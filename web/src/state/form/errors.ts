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

/** One fault of one input. */
export function sayFault(fault: InputFault): string {
  const { input_name: input = '', input_config: config, received_value: value } = fault.extra_info ?? {};
  const options = config?.[1] ?? {};
  switch (fault.type) {
    case 'required_input_missing':
      return 'Something must be given here.';
    case 'value_smaller_than_min':
      return `Must be at least ${options.min}.`;
    case 'value_bigger_than_max':
      return `Must be at most ${options.max}.`;
    case 'value_not_in_list': {
      if (input === 'image') return `The server has no picture ${sayValue(value)}. Choose it again.`;
      const choices = Array.isArray(config?.[0]) ? config[0].map(String) : [];
      if (choices.length === 0) return `The server has no ${sayValue(value)}, nor any other file of this kind.`;
      const shown = choices.slice(0, 4).join(', ') + (choices.length > 4 ? ', …' : '');
      return `${sayValue(value)} is not there. There is: ${shown}`;
    }
    case 'invalid_input_type':
      return `${sayValue(value)} cannot be read as ${config?.[0] === 'INT' ? 'a whole number' : 'a number'}.`;
    case 'custom_validation_failed':
      if (input === 'image' || /image/i.test(fault.details)) {
        return 'This picture is not on the server, or cannot be read. Choose it again.';
      }
      return fault.details || fault.message;
    case 'return_type_mismatch':
      return `A connection of the wrong kind. ${fault.details}`;
    case 'bad_linked_input':
      return `A connection to a node that is not there. ${fault.details}`;
    default:
      return fault.details ? `${fault.message}: ${fault.details}` : fault.message;
  }
}

/** What the server says of a job that failed, without the name of the node, which is shown beside it. */
export function sayFailure(message: string): string {
  const words = message.replace(/^node \S+( \([^)]*\))?[,:] */, '').trim();
  if (!words) return 'The server did not say why.';
  const sentence = words[0]!.toUpperCase() + words.slice(1);
  return /[.!?…]$/.test(sentence) ? sentence : `${sentence}.`;
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
    const said = typeof error === 'string' ? error : [error?.message, error?.details].filter(Boolean).join(' ');
    out.general.push(said || 'The server refused this, and did not say why.');
  }
  return out;
}
