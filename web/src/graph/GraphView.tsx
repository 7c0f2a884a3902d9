import '@comfyorg/litegraph/style.css';
import '../styles/graph.css';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from '../components/ui/Icon';
import { formatJson } from '../api/json';
import * as compose from '../state/form/compose';
import { say } from '../state/notices';
import { workflowInFile } from '../state/form/restore';
import { MOST_JOBS } from '../state/form/variations';
import { isDark } from '../state/theme';
import { download, graphTaker, graphToOpen } from '../state/view';
import { Asking } from './Asking';
import { Dock } from './Dock';
import { Editor } from './editor';
import { NodeSearch } from './NodeSearch';
import { FaultNotes, GraphMenu } from './Overlays';

function Tool({ icon, label, keys, disabled, onClick }: { icon: IconName; label: string; keys?: string; disabled?: boolean; onClick: () => void }) {
  return (
    <button type="button" class="quiet tool" onClick={onClick} disabled={disabled} title={keys ? `${label} (${keys})` : label}>
      <Icon name={icon} size={16} /> <span>{label}</span>
    </button>
  );
}

async function open(editor: Editor, file: File | undefined): Promise<void> {
  if (!file) return;
  const found = await workflowInFile(file).catch(() => undefined);
  if (found) editor.open(found);
  else say(`There is no workflow in “${file.name}”.`, 'bad');
}

function Tools({ editor }: { editor: Editor }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <div class="graph-tools" role="toolbar" aria-label="Graph">
      <button type="button" class="primary" title="Ctrl + Enter" onClick={() => void editor.runAll()} disabled={editor.sending.value}>
        <Icon name="play" size={16} /> Run
      </button>
      <label class="graph-count" title="ComfyUI: batch count">
        ×
        <input
          class="number"
          type="number"
          min={1}
          max={MOST_JOBS}
          value={editor.count.value}
          aria-label="How many runs"
          onChange={(e) => {
            editor.count.value = Math.max(1, Math.min(MOST_JOBS, Math.round(e.currentTarget.valueAsNumber) || 1));
            e.currentTarget.value = String(editor.count.value);
          }}
        />
      </label>
      <Tool icon="plus" label="Add a node" keys="/" onClick={() => editor.search()} />
      <Tool icon="undo" label="Undo" keys="Ctrl + Z" disabled={!editor.undone.value.undo} onClick={() => editor.undo()} />
      <Tool icon="redo" label="Redo" keys="Ctrl + Y" disabled={!editor.undone.value.redo} onClick={() => editor.redo()} />
      <Tool icon="open" label="Open" onClick={() => input.current?.click()} />
      <Tool
        icon="download"
        label="Save graph"
        onClick={() => download('workflow.json', JSON.stringify(editor.serialize(), null, 2))}
      />
      <Tool
        icon="file"
        label="Save for the API"
        onClick={() => download('workflow_api.json', formatJson(editor.prompt(), 2))}
      />
      <Tool icon="brush" label="From the form" onClick={() => editor.open({ prompt: compose.prompt.value })} />
      <Tool icon="leave" label="Into the form" onClick={() => editor.intoForm()} />
      <Tool icon="graph" label="Arrange" onClick={() => editor.arrange()} />
      <Tool icon="fit" label="Fit" onClick={() => editor.fit()} />
      <input
        ref={input}
        class="hidden"
        type="file"
        tabIndex={-1}
        accept=".json,.png,application/json,image/png"
        aria-label="Workflow file"
        onChange={(e) => {
          void open(editor, e.currentTarget.files?.[0]);
          e.currentTarget.value = '';
        }}
      />
    </div>
  );
}

/** Where one is in the workflow, and the way out. */
function Path({ editor }: { editor: Editor }) {
  const path = editor.path.value;
  if (path.length === 0) return null;
  const names = ['Workflow', ...path.map((step) => step.title)];
  return (
    <nav class="graph-path" aria-label="Where this is in the workflow">
      {names.map((name, depth) => (
        <button
          key={depth}
          type="button"
          class="quiet small"
          aria-current={depth === path.length ? 'page' : undefined}
          title={depth < path.length ? `Back to “${name}”${depth === path.length - 1 ? ' (Esc)' : ''}` : undefined}
          onClick={() => depth < path.length && editor.leave(depth)}
        >
          {name}
        </button>
      ))}
    </nav>
  );
}

function Faults({ editor }: { editor: Editor }) {
  const { nodes, general } = editor.faults.value;
  const rows = Object.entries(nodes);
  const failure = editor.failure.value;
  if (failure && !nodes[failure.node]) rows.push([failure.node, [failure.words]]);
  if (rows.length === 0 && general.length === 0) return null;
  return (
    <div class="graph-faults faults" role="alert">
      {rows.length === 0 && general.map((words) => <p key={words}>{words}</p>)}
      {rows.map(([id, list]) => (
        <button key={id} type="button" class="link" onClick={() => editor.goTo(id)}>
          {editor.titleOf(id)}: {list.join(' ')}
        </button>
      ))}
    </div>
  );
}

/** The workflow as nodes and links. */
export function GraphView() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [editor, setEditor] = useState<Editor>();
  const [fault, setFault] = useState('');
  useEffect(() => {
    let made: Editor | undefined;
    let gone = false;
    Editor.make(canvas.current!).then(
      (ready) => {
        if (gone) return ready.close();
        made = ready;
        setEditor(ready);
      },
      (error: unknown) => setFault(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      gone = true;
      made?.close();
    };
  }, []);
  const wanted = graphToOpen.value;
  useEffect(() => {
    if (!editor || !wanted) return;
    editor.open(wanted);
    graphToOpen.value = undefined;
  }, [editor, wanted]);
  useEffect(() => {
    if (!editor) return undefined;
    graphTaker.value = (files, at) => editor.takeFiles(files, at);
    return () => (graphTaker.value = undefined);
  }, [editor]);
  const dark = isDark();
  useEffect(() => editor?.paint(), [editor, dark]);
  return (
    <main class="graph" aria-label="Workflow graph">
      {editor && <Tools editor={editor} />}
      {fault && (
        <div class="faults" role="alert">
          The node definitions could not be loaded: {fault}
        </div>
      )}
      <div class="graph-place">
        <canvas ref={canvas} tabIndex={0} aria-label="Workflow: nodes and their connections" />
        {editor && <FaultNotes editor={editor} />}
        {editor && (
          <div class="graph-corner">
            <Path editor={editor} />
            <Faults editor={editor} />
          </div>
        )}
        {editor && <Dock jobs={editor.jobs.value} />}
        {editor && <GraphMenu editor={editor} />}
        {editor && <Asking editor={editor} />}
      </div>
      {editor && <NodeSearch editor={editor} />}
    </main>
  );
}
