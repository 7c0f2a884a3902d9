import * as routes from '../../api/routes';
import type { ModelFile } from '../../api/types';
import { modelNode, OWN_VAE } from '../../state/form/additions';
import { choicesOf, fileNamed, vaeDoubt, whyNot, whyNotModel } from '../../state/form/catalog';
import * as compose from '../../state/form/compose';
import { fieldKey } from '../../state/form/errors';
import { type Choice, Picker } from '../ui/Picker';

interface FileInput {
  input: string;
  folder: string;
  label: string;
  kinds: string[];
}

/** Loaders, and what they load. */
const FILES: Record<string, FileInput> = {
  VAELoader: { input: 'vae_name', folder: 'vae', label: 'VAE', kinds: ['vae', 'checkpoint'] },
  CLIPVisionLoader: { input: 'clip_name', folder: 'clip_vision', label: 'CLIP vision', kinds: ['clip_vision', 'clip'] },
  IPAdapterModelLoader: { input: 'ipadapter_file', folder: 'ipadapter', label: 'IP-Adapter', kinds: ['ip_adapter'] },
  StyleModelLoader: { input: 'style_model_name', folder: 'style_models', label: 'Style model', kinds: ['style_model'] },
  ControlNetLoader: { input: 'control_net_name', folder: 'controlnet', label: 'ControlNet', kinds: ['controlnet', 't2i_adapter'] },
};

/** "v1-5-pruned-emaonly" of "sd/v1-5-pruned-emaonly.safetensors". */
export function shortName(name: string): string {
  return name.replace(/^.*\//, '').replace(/\.(safetensors|ckpt|pth|pt|bin)$/i, '');
}

function pictureOf(file: ModelFile | undefined): string | undefined {
  return file?.picture ? routes.modelPicture(file) : undefined;
}

/** What a file is called in lists. */
function titleOf(name: string, file: ModelFile | undefined): string {
  if (!file?.built_in) return shortName(name);
  return file.kind === 'checkpoint' && !/unclip/i.test(name) ? 'Small (built in)' : `${shortName(name)} (built in)`;
}

/** The choices for a file, each with what it is, and why not where it does not fit. */
export function fileChoices(names: string[], folder: string, reason: (file: ModelFile | undefined) => string | undefined): Choice[] {
  return names.map((name) => {
    const file = fileNamed(folder, name);
    return { value: name, title: titleOf(name, file), detail: file?.summary, reason: reason(file), picture: pictureOf(file) };
  });
}

export function model(): ModelFile | undefined {
  return fileNamed('checkpoints', compose.checkpoint.value ?? '');
}

/** Takes a model. Built-in files go with each other only, so that the others change with it from the one kind to the other. */
function pickModel(node: string, name: string): void {
  const technique = compose.technique.value!;
  const was = compose.small.value;
  compose.setInput(node, 'ckpt_name', name);
  const small = compose.small.value;
  if (small === was) return;
  for (const [id, { class_type }] of Object.entries(compose.prompt.value)) {
    const kind = FILES[class_type];
    if (!kind || class_type === 'VAELoader') continue;
    const builtIn = (file: string) => fileNamed(kind.folder, file)?.built_in === true;
    const own = String(technique.prompt[id]?.inputs[kind.input] ?? '');
    const fitting = [own, ...choicesOf(class_type, kind.input)].find((file) => builtIn(file) === small);
    if (fitting) compose.setInput(id, kind.input, fitting);
  }
  compose.add({ vae: small ? OWN_VAE : undefined });
  compose.resetSize();
}

/** The model: its file, what it is, and the others there are. */
export function ModelField() {
  const technique = compose.technique.value;
  const node = modelNode(compose.prompt.value);
  if (!technique || node === undefined) return null;
  const { class_type, inputs } = compose.prompt.value[node]!;
  const value = String(inputs['ckpt_name'] ?? '');
  const own = fileNamed('checkpoints', String(technique.prompt[node]?.inputs['ckpt_name'] ?? ''));
  const names = choicesOf(class_type, 'ckpt_name');
  const choices = fileChoices(names, 'checkpoints', (file) => whyNotModel(file, own));
  return (
    <Picker
      label="Model"
      tooltip="ComfyUI: ckpt_name (Load Checkpoint)"
      value={value}
      choices={choices.map((c) => ({ ...c, detail: fileNamed('checkpoints', c.value)?.family ?? c.detail }))}
      wrong={compose.faults.value.fields[fieldKey(node, 'ckpt_name')]}
      onPick={(name) => pickModel(node, name)}
    />
  );
}

function VaeField() {
  const technique = compose.technique.value!;
  const node = Object.keys(technique.prompt).find((id) => technique.prompt[id]!.class_type === 'VAELoader');
  const chosen = compose.additions.value.vae;
  const shipped = node === undefined ? OWN_VAE : String(compose.prompt.value[node]?.inputs['vae_name'] ?? '');
  const names = choicesOf('VAELoader', 'vae_name');
  const choices: Choice[] = [
    { value: OWN_VAE, title: 'The model’s own' },
    ...fileChoices(names, 'vae', (file) => whyNot(file, model(), FILES['VAELoader']!.kinds)).map((c) => ({ ...c, doubt: vaeDoubt(c.value, model()) })),
  ];
  const pick = (name: string) => compose.add({ vae: name === shipped || (name === OWN_VAE && node === undefined) ? undefined : name });
  return <Picker label="VAE" tooltip="ComfyUI: Load VAE" value={chosen ?? shipped} choices={choices} onPick={pick} />;
}

function OtherFiles() {
  return (
    <>
      {Object.entries(compose.prompt.value).map(([id, { class_type, inputs }]) => {
        const kind = FILES[class_type];
        if (!kind || class_type === 'VAELoader') return null;
        const names = choicesOf(class_type, kind.input);
        return (
          <Picker
            key={id}
            label={kind.label}
            tooltip={`ComfyUI: ${kind.input}`}
            value={String(inputs[kind.input] ?? '')}
            choices={fileChoices(names, kind.folder, (file) => whyNot(file, model(), kind.kinds))}
            wrong={compose.faults.value.fields[fieldKey(id, kind.input)]}
            onPick={(name) => compose.setInput(id, kind.input, name)}
          />
        );
      })}
    </>
  );
}

/** The sampler and its scheduler. */
function SamplerFields() {
  const found = Object.entries(compose.prompt.value).find(([, n]) => n.class_type === 'KSampler');
  if (!found) return null;
  const [id, { inputs }] = found;
  return (
    <>
      {(['sampler_name', 'scheduler'] as const).map((input) => (
        <Picker
          key={input}
          label={input === 'scheduler' ? 'Scheduler' : 'Sampler'}
          tooltip={`ComfyUI: ${input} (KSampler)`}
          value={String(inputs[input] ?? '')}
          choices={choicesOf('KSampler', input).map((name) => ({ value: name, title: name }))}
          wrong={compose.faults.value.fields[fieldKey(id, input)]}
          onPick={(name) => compose.setInput(id, input, name)}
        />
      ))}
    </>
  );
}

/** What is in use, in a line. */
function told(): string {
  const nodes = Object.values(compose.prompt.value);
  const sampler = nodes.find((n) => n.class_type === 'KSampler')?.inputs;
  const vae = compose.additions.value.vae ?? nodes.find((n) => n.class_type === 'VAELoader')?.inputs['vae_name'];
  const others = nodes.flatMap((n) => {
    const kind = FILES[n.class_type];
    return kind && n.class_type !== 'VAELoader' ? [shortName(String(n.inputs[kind.input]))] : [];
  });
  return [
    sampler && `${sampler['sampler_name']}, ${sampler['scheduler']}`,
    vae === undefined || vae === OWN_VAE ? 'the model’s VAE' : shortName(String(vae)),
    ...others,
  ]
    .filter(Boolean)
    .join(' · ');
}

/** All other files and the sampler; closed, they are still told. */
export function FilesPanel() {
  if (!compose.technique.value) return null;
  return (
    <details class="panel">
      <summary>
        <span class="panel-title">Sampler and files</span>
        <span class="panel-told">{told()}</span>
      </summary>
      <div class="panel-body">
        <SamplerFields />
        <VaeField />
        <OtherFiles />
      </div>
    </details>
  );
}
