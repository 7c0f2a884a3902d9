// The graph editor: the library's canvas with our nodes, and what can be done with the workflow in it.
import { LGraph, LGraphCanvas, LGraphNode, LiteGraph } from '@comfyorg/litegraph';
import { effect, signal } from '@preact/signals';
import { HttpError } from '../api/http';
import { parseJson } from '../api/json';
import * as routes from '../api/routes';
import type { Prompt } from '../api/types';
import * as compose from '../state/form/compose';
import { readWorkflow } from '../state/form/additions';
import { techniques } from '../state/form/catalog';
import { randomSeed } from '../state/form/draft';
import { type Faults, noFaults, readFaults } from '../state/form/errors';
import { say } from '../state/notices';
import { type FoundWorkflow, isGraph } from '../state/form/restore';
import { focusJob, follow, refreshQueue } from '../state/jobs/session';
import { queueJob } from '../state/form/send';
import { setView } from '../state/view';
import { chosenNodes, groupNodes, menuAt, type OpenMenu, pastePlace, toggleMode } from './commands';
import { AFTER, BYPASSED, fromPrompt, type Infos, MUTED, toPrompt } from './document';
import { arrange, fill, readLive, refreshPicture } from './live';
import { type EaselNode, finalSize, registerNodes, showPicture, UnknownNode } from './nodes';
import type { Loose } from './nodeSearch';
import { Past } from './past';
import { readGraph } from './readGraph';
import { paintTheme } from './theme';
import { bindFingers } from './touch';

const KEPT = 'easel.graph';
const KEPT_JOBS = 'easel.graph.jobs';
const NOTE_WIDTH = 250;

/** Where a node that is searched for goes, and what it is to be connected to. */
export interface Wanted {
  at?: [number, number];
  loose?: Loose;
  connect?: (node: LGraphNode) => void;
}
/** What is wrong with a node, and where that is shown. */
export interface Note {
  id: string;
  words: string[];
  x: number;
  y: number;
  width: number;
}

let definitions: Promise<Infos> | undefined;

function loadDefinitions(): Promise<Infos> {
  definitions ??= routes.allNodes().then((infos) => {
    registerNodes(infos);
    return infos;
  });
  definitions.catch(() => (definitions = undefined));
  return definitions;
}

export class Editor {
  readonly faults = signal<Faults>(noFaults);
  /** Why the job that is looked at failed, and at which node. */
  readonly failure = signal<{ node: string; words: string } | undefined>(undefined);
  readonly sending = signal(false);
  /** Open while a node is searched for. */
  readonly searching = signal<Wanted | undefined>(undefined);
  readonly menu = signal<OpenMenu | undefined>(undefined);
  readonly undone = signal({ undo: false, redo: false });
  /** Counts what moves on the screen. */
  readonly moved = signal(0);
  readonly graph = new LGraph();
  readonly canvas: LGraphCanvas;
  private readonly past = new Past();
  /** Jobs of the workflow that is shown: their pictures and failures are those of its nodes. */
  readonly jobs = signal<string[]>([]);
  private readonly resizing: ResizeObserver;
  private readonly endings: (() => void)[] = [];
  /** The view when all was brought into it; while it is still that, it follows the size of its place. */
  private fitted = '';

  /** Loads the server's node definitions and shows what was last in the editor, or else the form's workflow. */
  static async make(element: HTMLCanvasElement): Promise<Editor> {
    paintTheme();
    const infos = await loadDefinitions();
    return new Editor(element, infos);
  }

  private constructor(
    element: HTMLCanvasElement,
    readonly infos: Infos,
  ) {
    this.canvas = new LGraphCanvas(element, this.graph, { autoresize: false });
    Object.assign(this.canvas, {
      show_info: false,
      render_canvas_border: false,
      render_connections_border: false,
      // Titles and values are drawn as long as they can be read on a fine screen.
      low_quality_zoom_threshold: 0.5 / (window.devicePixelRatio || 1),
    });
    paintTheme(this.canvas);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(element.parentElement!);
    this.resize();
    this.takeOver();
    this.restoreKept();
    this.graph.onAfterChange = () => this.keep();
    const keeper = setInterval(() => this.keep(), 3000);
    this.endings.push(() => clearInterval(keeper));
    this.endings.push(effect(() => this.showJob()));
    this.endings.push(this.bindKeys());
    this.endings.push(bindFingers(this.canvas, (node) => this.comeClose(node)));
  }

  close(): void {
    this.keep();
    this.endings.forEach((end) => end());
    this.resizing.disconnect();
    this.canvas.stopRendering();
    this.canvas.unbindEvents();
    this.graph.detachCanvas(this.canvas);
  }

  /** What the library would ask in ways of its own is asked by the page. */
  private takeOver(): void {
    const { canvas } = this;
    canvas.showSearchBox = (event) => {
      const at = event as unknown as { canvasX?: number; canvasY?: number };
      this.search(at.canvasX === undefined ? {} : { at: [at.canvasX, at.canvasY!] });
      return document.createElement('div');
    };
    canvas.showConnectionMenu = (options) => {
      const from = options.nodeFrom;
      const slot = (from ? options.slotFrom : options.slotTo) as { type?: unknown } | undefined;
      const node = from ?? options.nodeTo;
      const type = String(slot?.type ?? '*');
      const event = options.e as unknown as { canvasX: number; canvasY: number };
      if (!(node instanceof LGraphNode) || !slot) return undefined;
      this.search({
        at: [event.canvasX, event.canvasY],
        loose: { type, out: !!from },
        connect: (made) =>
          void (from ? node.connectByType(node.outputs.indexOf(slot as never), made, type) : node.connectByTypeOutput(node.inputs.indexOf(slot as never), made, type)),
      });
      return undefined;
    };
    canvas.processContextMenu = (_node, event) => {
      const place = canvas.canvas.getBoundingClientRect();
      const [x, y] = [event.clientX - place.left, event.clientY - place.top];
      this.menu.value = { x, y, ...menuAt(this, [event.canvasX, event.canvasY]) };
    };
    canvas.onDrawForeground = (ctx) => this.drawChosenLinks(ctx);
    canvas.onDrawOverlay = () => this.followNotes();
  }

  private seen = '';

  /** Notes lie above the canvas: they move along with it. */
  private followNotes(): void {
    const now = this.view() + this.graph.nodes.map((n) => (n as EaselNode).faults && n.pos.join()).join();
    if (now === this.seen) return;
    this.seen = now;
    queueMicrotask(() => this.moved.value++);
  }

  /** The connections of what is chosen are seen in front of the nodes they pass behind. */
  private drawChosenLinks(ctx: CanvasRenderingContext2D): void {
    const chosen = new Set(chosenNodes(this.canvas).map((n) => n.id));
    if (chosen.size === 0) return;
    ctx.save();
    ctx.globalAlpha = 0.75;
    for (const link of this.graph.links.values()) {
      if (!chosen.has(link.origin_id) && !chosen.has(link.target_id)) continue;
      const [from, to] = [this.graph.getNodeById(link.origin_id), this.graph.getNodeById(link.target_id)];
      if (!from || !to) continue;
      const [a, b] = [from.getOutputPos(link.origin_slot), to.getInputPos(link.target_slot)];
      const reach = Math.max(40, Math.abs(b[0] - a[0]) / 2);
      ctx.strokeStyle = String(this.canvas.default_connection_color_byType[String(link.type)] ?? this.canvas.default_link_color);
      ctx.lineWidth = 3;
      ctx.beginPath();
      ctx.moveTo(a[0], a[1]);
      ctx.bezierCurveTo(a[0] + reach, a[1], b[0] - reach, b[1], b[0], b[1]);
      ctx.stroke();
    }
    ctx.restore();
  }

  private bindKeys(): () => void {
    const down = (event: KeyboardEvent) => {
      const ctrl = event.ctrlKey || event.metaKey;
      const key = event.key.toLowerCase();
      // Wherever one is in the graph view, but for fields and dialogs, where the keys mean what they always do.
      if ((event.target as HTMLElement).closest('input, textarea, select, dialog, [role=menu], .graphdialog')) return;
      const chosen = chosenNodes(this.canvas);
      if (ctrl && key === 'z') (event.shiftKey ? () => this.redo() : () => this.undo())();
      else if (ctrl && key === 'y') this.redo();
      else if (ctrl && key === 'v') this.paste();
      else if (ctrl && key === 'd') this.duplicate();
      else if (ctrl && key === 'b') this.change(() => toggleMode(chosen, BYPASSED));
      else if (ctrl && key === 'm') this.change(() => toggleMode(chosen, MUTED));
      else if (ctrl && key === 'g') this.change(() => groupNodes(this.graph, chosen));
      else if (!ctrl && key === '/') this.search();
      else if (!ctrl && key === '.') this.fit();
      else return;
      // A picture or a workflow in the clipboard is pasted as well, by whoever takes files.
      if (key !== 'v') event.preventDefault();
      event.stopPropagation();
    };
    const run = (event: KeyboardEvent) => {
      if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      void this.run();
    };
    // After the library has done what a key or a button means.
    const note = () => setTimeout(() => this.note());
    // Before the library's own, which listens at the canvas.
    addEventListener('keydown', down, true);
    addEventListener('keydown', run);
    for (const type of ['pointerup', 'keyup']) addEventListener(type, note);
    return () => {
      removeEventListener('keydown', down, true);
      removeEventListener('keydown', run);
      for (const type of ['pointerup', 'keyup']) removeEventListener(type, note);
    };
  }

  takeFocus(): void {
    this.canvas.canvas.focus();
  }

  /** Does something that can be undone. */
  change(what: () => unknown): void {
    what();
    this.wireNodes();
    this.canvas.setDirty(true, true);
    this.note();
  }

  /** Takes in what was done since the last time. */
  private note(): void {
    if (this.past.note(JSON.stringify(this.serialize()))) this.keep();
    this.undone.value = { undo: this.past.canUndo, redo: this.past.canRedo };
  }

  undo(): void {
    this.note();
    this.goBack(this.past.undo());
  }

  redo(): void {
    this.goBack(this.past.redo());
  }

  private goBack(state: string | undefined): void {
    if (state === undefined) return;
    this.canvas.deselectAll();
    const pictures = new Map(this.graph.nodes.map((n) => [n.id, (n as EaselNode).picture]));
    fill(this.graph, readGraph(JSON.parse(state) as Record<string, unknown>, this.infos), this.room());
    for (const node of this.graph.nodes as EaselNode[]) node.picture ??= pictures.get(node.id);
    this.wireNodes();
    this.showJob();
    this.past.settle(JSON.stringify(this.serialize()));
    this.undone.value = { undo: this.past.canUndo, redo: this.past.canRedo };
    this.keep();
  }

  private wireNodes(): void {
    for (const node of this.graph.nodes as EaselNode[]) {
      node.onWidgetChanged ??= () => refreshPicture(node);
      node.onPicture ??= (show) => {
        this.note();
        show();
        this.past.settle(JSON.stringify(this.serialize()));
      };
    }
  }

  search(wanted: Wanted = {}): void {
    this.searching.value = wanted;
  }

  copy(): void {
    this.canvas.copyToClipboard();
  }

  paste(): void {
    this.change(() => {
      this.canvas.pasteFromClipboard({ position: pastePlace(this.canvas) });
      for (const node of chosenNodes(this.canvas)) refreshPicture(node as EaselNode);
    });
  }

  duplicate(): void {
    const kept = localStorage.getItem('litegrapheditor_clipboard');
    this.copy();
    this.paste();
    if (kept !== null) localStorage.setItem('litegrapheditor_clipboard', kept);
  }

  /** What is wrong with nodes, where it can be read: below the node, and never on it. */
  notes(): Note[] {
    const { scale } = this.canvas.ds;
    return (this.graph.nodes as EaselNode[]).flatMap((node) => {
      if (!node.faults?.length) return [];
      const [x, y] = this.canvas.ds.convertOffsetToCanvas([node.pos[0], node.pos[1] + (node.flags.collapsed ? 0 : node.size[1])]);
      return [{ id: String(node.id), words: node.faults, x: x!, y: y! + 8 * scale, width: Math.max(NOTE_WIDTH, node.size[0] * scale) }];
    });
  }

  private resize(): void {
    const place = this.canvas.canvas.parentElement!;
    const { clientWidth: width, clientHeight: height } = place;
    const scale = window.devicePixelRatio || 1;
    for (const c of [this.canvas.canvas, this.canvas.bgcanvas]) {
      c.width = width * scale;
      c.height = height * scale;
      c.getContext('2d')?.scale(scale, scale);
    }
    this.canvas.canvas.style.width = `${width}px`;
    this.canvas.canvas.style.height = `${height}px`;
    if (this.fitted === this.view()) this.fit();
    this.canvas.draw(true, true);
  }

  paint(): void {
    paintTheme(this.canvas);
  }

  private restoreKept(): void {
    try {
      const kept = parseJson(localStorage.getItem(KEPT) ?? '');
      if (isGraph(kept) && (kept['nodes'] as unknown[]).length > 0) {
        this.open({ graph: kept });
        const jobs: unknown = JSON.parse(localStorage.getItem(KEPT_JOBS) ?? '[]');
        if (Array.isArray(jobs)) this.jobs.value = jobs.map(String);
        return this.showJob();
      }
    } catch {
      // Nothing was kept that can be read.
    }
    if (Object.keys(compose.prompt.value).length > 0) this.open({ prompt: compose.prompt.value });
  }

  private keep(): void {
    localStorage.setItem(KEPT, JSON.stringify(this.serialize()));
    localStorage.setItem(KEPT_JOBS, JSON.stringify(this.jobs.value.slice(-20)));
  }

  open(found: FoundWorkflow): void {
    this.jobs.value = found.job ? [found.job] : [];
    this.show(found);
    this.past.begin(JSON.stringify(this.serialize()));
    this.undone.value = { undo: false, redo: false };
  }

  private show(found: FoundWorkflow): void {
    this.canvas.deselectAll();
    const graph = found.graph && readGraph(found.graph, this.infos);
    const document = graph ?? fromPrompt(found.prompt ?? {}, this.infos);
    fill(this.graph, document, this.room());
    this.showFaults(noFaults);
    this.fit();
    this.wireNodes();
    this.showJob();
  }

  /** The editor's JSON, as other editors read it. */
  serialize(): Record<string, unknown> {
    return this.graph.serialize() as unknown as Record<string, unknown>;
  }

  prompt(): Prompt {
    return toPrompt(readLive(this.graph), this.infos);
  }

  async run(): Promise<void> {
    if (this.sending.value) return;
    const prompt = this.prompt();
    const technique = readWorkflow(prompt, undefined, techniques.value)?.technique;
    const note = technique ? { technique: technique.name } : {};
    const extra_data = { extra_pnginfo: { workflow: this.serialize(), easel: note } };
    this.sending.value = true;
    this.showFaults(noFaults);
    try {
      const id = await queueJob(prompt, extra_data);
      this.jobs.value = [...this.jobs.value, id];
      follow(id);
      this.turnSeeds();
    } catch (error) {
      if (error instanceof HttpError && error.status === 400) this.showFaults(readFaults(error.body, prompt, () => true));
      else say(error instanceof Error ? error.message : String(error), 'bad');
    } finally {
      this.sending.value = false;
      void refreshQueue();
    }
  }

  /** What the seeds' nodes ask for after each run. */
  private turnSeeds(): void {
    for (const node of this.graph.nodes) {
      const at = node.widgets?.findIndex((w) => w.name === AFTER) ?? -1;
      const after = node.widgets?.[at]?.value;
      const seed = node.widgets?.[at - 1];
      if (!seed || after === 'fixed') continue;
      const now = Number(seed.value);
      seed.value = after === 'increment' ? now + 1 : after === 'decrement' ? Math.max(0, now - 1) : randomSeed();
    }
    this.canvas.setDirty(true, true);
  }

  /** Takes the workflow into the form, when it is one of the techniques. */
  intoForm(): void {
    const prompt = this.prompt();
    if (!readWorkflow(prompt, undefined, techniques.value)) {
      say('This workflow is none of the techniques, so it has no form.', 'bad');
      return;
    }
    compose.restore({ prompt });
    setView('paint');
  }

  addNode(name: string, wanted: Wanted = {}): void {
    this.change(() => {
      const node = LiteGraph.createNode(name) as EaselNode | null;
      if (!node) return;
      this.graph.add(node);
      const [x, y, width, height] = this.canvas.visible_area;
      node.pos = wanted.at ?? [(x ?? 0) + (width ?? 0) / 2 - node.size[0] / 2, (y ?? 0) + (height ?? 0) / 2 - node.size[1] / 2];
      wanted.connect?.(node);
      this.canvas.deselectAll();
      this.canvas.selectNode(node);
    });
    this.takeFocus();
  }

  arrange(): void {
    this.change(() => arrange(this.graph, this.room()));
    this.fit();
  }

  /** Brings all nodes into view. */
  fit(): void {
    const nodes = this.graph.nodes;
    if (nodes.length === 0) return;
    const left = Math.min(...nodes.map((n) => n.pos[0]));
    const top = Math.min(...nodes.map((n) => n.pos[1] - LiteGraph.NODE_TITLE_HEIGHT));
    const right = Math.max(...nodes.map((n) => n.pos[0] + n.size[0]));
    const bottom = Math.max(...nodes.map((n) => n.pos[1] + finalSize(n as EaselNode)[1]));
    this.look(left, top, right - left, bottom - top, 1);
    this.fitted = this.view();
  }

  private view(): string {
    return JSON.stringify([this.canvas.ds.scale, ...this.canvas.ds.offset]);
  }

  private look(left: number, top: number, width: number, height: number, most: number): void {
    const place = this.canvas.canvas.parentElement!;
    const margin = 40;
    const scale = Math.min(
      most,
      (place.clientWidth - margin) / Math.max(width, 1),
      (place.clientHeight - margin) / Math.max(height, 1),
    );
    this.canvas.ds.scale = Math.max(0.1, scale);
    this.canvas.ds.offset[0] = place.clientWidth / 2 / this.canvas.ds.scale - left - width / 2;
    this.canvas.ds.offset[1] = place.clientHeight / 2 / this.canvas.ds.scale - top - height / 2;
    this.canvas.setDirty(true, true);
  }

  private find(id: string): EaselNode | undefined {
    return this.graph.nodes.find((node: LGraphNode) => String(node.id) === id) as EaselNode | undefined;
  }

  titleOf(id: string): string {
    return this.find(id)?.title ?? `Node ${id}`;
  }

  goTo(id: string): void {
    this.comeClose(this.find(id));
  }

  /** Brings a node into view, large enough to work on, and chooses it; without one, none is chosen. */
  private comeClose(node: LGraphNode | undefined): void {
    if (!node) return this.canvas.deselectAll();
    const title = LiteGraph.NODE_TITLE_HEIGHT;
    this.look(node.pos[0], node.pos[1] - title, node.size[0], node.size[1] + title, 1);
    this.canvas.selectNode(node);
  }

  private room(): [number, number] {
    const place = this.canvas.canvas.parentElement!;
    return [place.clientWidth, place.clientHeight];
  }

  private showFaults(faults: Faults): void {
    this.faults.value = faults;
    this.markFaults();
  }

  private markFaults(): void {
    const failure = this.failure.peek();
    for (const node of this.graph.nodes as EaselNode[]) {
      const id = String(node.id);
      if (node instanceof UnknownNode) node.faults = ['The server has no such node.'];
      else node.faults = this.faults.peek().nodes[id] ?? (failure?.node === id ? [failure.words] : undefined);
      node.has_errors = !!node.faults;
    }
    this.canvas.setDirty(true, true);
  }

  /** Shows on the nodes how the job at hand goes. */
  private showJob(): void {
    const own = this.jobs.value;
    const job = focusJob.value && own.includes(focusJob.value.id) ? focusJob.value : undefined;
    for (const node of this.graph.nodes as EaselNode[]) {
      const id = String(node.id);
      const same = job?.prompt[id]?.class_type === node.type;
      node.running = same && job?.state === 'running' && job.node === id;
      const pace = node.running ? job?.pace : undefined;
      node.progress = pace && pace.max > 0 ? pace.value / pace.max : undefined;
      const image = same ? job?.outputs[id]?.images?.[0] : undefined;
      if (image?.filename) showPicture(node, routes.viewAddress(image)); // others were sent to a client
    }
    const failed = job?.failure && this.find(job.failure.node);
    const here = failed && job.prompt[job.failure!.node]?.class_type === failed.type;
    this.failure.value = here ? { node: job.failure!.node, words: job.failure!.message } : undefined;
    this.markFaults();
  }
}
