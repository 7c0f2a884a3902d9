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
import { browserStore } from '../state/kept';
import { setView } from '../state/view';
import { copied, copyNodes, freePlace, seesAll, setCopied } from './clipboard';
import { chosenNodes, insert, linkItems, menuAt, type OpenMenu, rename } from './commands';
import { AFTER, type Document, fromPrompt, type Infos, nextSeed, toPrompt } from './document';
import { rewriteTexts } from './dynamicText';
import { bindKeys } from './keys';
import { type Definition, definitionsOf, flatDocument, pathTo, readLevel, type Step, withLevel, withNextSeeds, withSubgraphs } from './levels';
import { arrange, fill, readLive, refreshPicture, showPromoted } from './live';
import { markFaults, markJob } from './marks';
import { type EaselNode, finalSize, registerNodes, registerSubgraphs } from './nodes';
import type { Loose } from './nodeSearch';
import { Past } from './past';
import { takeFiles } from './pictures';
import type { Raw } from './readGraph';
import { paintTheme } from './theme';
import { bindFingers } from './touch';
import { Wires } from './wires';

const KEPT = 'easel.graph';
const KEPT_JOBS = 'easel.graph.jobs';
const NOTE_WIDTH = 250;
const LEAST_SCALE = 0.04;
const MOST_SCALE = 4;

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
  /** How many runs are queued at once. */
  readonly count = signal(1);
  /** Open while a node is searched for. */
  readonly searching = signal<Wanted | undefined>(undefined);
  readonly menu = signal<OpenMenu | undefined>(undefined);
  readonly undone = signal({ undo: false, redo: false });
  /** Counts what moves on the screen. */
  readonly moved = signal(0);
  /** The subgraphs one is in, the outermost first. */
  readonly path = signal<Step[]>([]);
  /** What is shown: one level of the workflow. */
  readonly graph = new LGraph();
  readonly canvas: LGraphCanvas;
  /** All of the workflow; the level that is shown may have changed since. */
  private workflow: Raw = {};
  /** The server's node definitions, and the workflow's own. */
  known: Infos;
  private readonly past = new Past();
  private readonly views = new Map<string, string>();
  private readonly wires: Wires;
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
    this.known = infos;
    this.canvas = new LGraphCanvas(element, this.graph, { autoresize: false });
    Object.assign(this.canvas, {
      show_info: false,
      render_canvas_border: false,
      render_connections_border: false,
      // Titles and values are drawn as long as they can be read on a fine screen.
      low_quality_zoom_threshold: 0.5 / (window.devicePixelRatio || 1),
    });
    Object.assign(this.canvas.ds, { min_scale: LEAST_SCALE, max_scale: MOST_SCALE });
    paintTheme(this.canvas);
    this.wires = new Wires(this.canvas, () => this.room()[0] < this.room()[1]);
    this.resizing = new ResizeObserver(() => this.resize());
    this.resizing.observe(element.parentElement!);
    this.resize();
    this.takeOver();
    this.restoreKept();
    this.graph.onAfterChange = () => this.keep();
    const keeper = setInterval(() => this.keep(), 3000);
    this.endings.push(() => clearInterval(keeper));
    this.endings.push(effect(() => this.showJob()));
    this.endings.push(bindKeys(this, () => this.note()));
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
    canvas.showLinkMenu = (segment, event) => {
      const place = canvas.canvas.getBoundingClientRect();
      const link = this.graph.getLink(segment.id as number);
      const at: [number, number] = [event.canvasX, event.canvasY];
      if (link) this.menu.value = { x: event.clientX - place.left, y: event.clientY - place.top, title: 'Connection', items: linkItems(this, link, at) };
      return false;
    };
    this.graph.createReroute = (at, segment) => {
      this.change(() => insert(this, this.graph.getLink(segment.id as number)!, 'Reroute', [at[0], at[1]]));
      return chosenNodes(canvas)[0] as never;
    };
    canvas.onDrawForeground = (ctx) => this.wires.drawChosen(ctx);
    canvas.onDrawOverlay = () => this.followNotes();
  }

  private seen = '';

  /** Notes lie above the canvas: they move along with it. */
  private followNotes(): void {
    const now = this.view() + this.graph.nodes.map((n) => (n as EaselNode).faults && [...n.pos, ...n.size].join()).join();
    if (now === this.seen) return;
    this.seen = now;
    queueMicrotask(() => this.moved.value++);
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
    if (this.past.note(this.written(), this.place())) this.keep();
    this.undone.value = { undo: this.past.canUndo, redo: this.past.canRedo };
  }

  undo(): void {
    this.note();
    this.goBack(this.past.undo());
  }

  redo(): void {
    this.goBack(this.past.redo());
  }

  /** The workflow as text, by which states are told apart. */
  private written(): string {
    const live = this.graph.serialize() as unknown as Raw;
    // A node that is clicked comes to the front, and the view is moved or fitted to the window: neither is a change.
    const nodes = (live['nodes'] as Raw[]).sort((a, b) => String(a['id']).localeCompare(String(b['id'])));
    const extra = { ...(live['extra'] as Raw | undefined), ds: undefined };
    return JSON.stringify(withLevel(this.workflow, this.level(), { ...live, nodes, extra }));
  }

  private place(): string {
    return JSON.stringify(this.path.value);
  }

  private goBack(done: { state: string; place: string } | undefined): void {
    if (!done) return;
    this.canvas.deselectAll();
    const pictures = new Map(this.graph.nodes.map((n) => [n.id, (n as EaselNode).picture]));
    const elsewhere = done.place !== this.place();
    this.workflow = JSON.parse(done.state) as Raw;
    this.path.value = this.still(JSON.parse(done.place) as Step[]);
    this.showLevel();
    for (const node of this.graph.nodes as EaselNode[]) node.picture ??= elsewhere ? undefined : pictures.get(node.id);
    if (elsewhere) this.fit();
    this.drawNow();
    this.past.settle(this.written());
    this.undone.value = { undo: this.past.canUndo, redo: this.past.canRedo };
    this.keep();
  }

  private wireNodes(): void {
    for (const node of this.graph.nodes as EaselNode[]) {
      node.onWidgetChanged ??= () => refreshPicture(node);
      node.rename ??= () => rename(this.canvas, node);
      if (this.level(node.type)) node.enter ??= () => this.enter(node);
      node.onPicture ??= (show) => {
        this.note();
        show();
        this.past.settle(this.written());
      };
    }
  }

  search(wanted: Wanted = {}): void {
    this.searching.value = wanted;
  }

  paste(): void {
    this.change(() => {
      this.canvas.pasteFromClipboard({ position: freePlace(this.canvas) });
      const pasted = chosenNodes(this.canvas) as EaselNode[];
      pasted.forEach(refreshPicture);
      const copies = pasted.filter((node) => this.level(node.type));
      if (copies.length > 0) showPromoted(copies, readLevel(this.serialize(), this.level(), this.known));
      if (!seesAll(this.canvas, pasted)) this.fit();
    });
  }

  duplicate(): void {
    const before = copied();
    copyNodes(this.canvas);
    this.paste();
    if (before !== null) setCopied(before);
  }

  /** Takes pictures and workflows that were pasted, or dropped at a place of the window. */
  takeFiles(files: File[], dropped?: { x: number; y: number }): void {
    const box = this.canvas.canvas.getBoundingClientRect();
    const at = dropped && (this.canvas.ds.convertCanvasToOffset([dropped.x - box.left, dropped.y - box.top]) as [number, number]);
    void takeFiles(this, files, at);
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
      const graph = parseJson(browserStore.getItem(KEPT) ?? '');
      if (isGraph(graph) && (graph['nodes'] as unknown[]).length > 0) {
        this.open({ graph });
        const jobs: unknown = JSON.parse(browserStore.getItem(KEPT_JOBS) ?? '[]');
        if (Array.isArray(jobs)) this.jobs.value = jobs.map(String);
        return this.showJob();
      }
    } catch {
      // Nothing was kept that can be read.
    }
    if (Object.keys(compose.prompt.value).length > 0) this.open({ prompt: compose.prompt.value });
  }

  private keep(): void {
    browserStore.setItem(KEPT, JSON.stringify(this.serialize()));
    browserStore.setItem(KEPT_JOBS, JSON.stringify(this.jobs.value.slice(-20)));
  }

  /** `undoable`: what was there comes back when this is undone. */
  open(found: FoundWorkflow, undoable = false): void {
    if (undoable) this.note();
    this.jobs.value = found.job ? [found.job] : [];
    this.show(found);
    if (undoable) return this.note();
    this.past.begin(this.written(), this.place());
    this.undone.value = { undo: false, redo: false };
  }

  private show(found: FoundWorkflow): void {
    this.canvas.deselectAll();
    this.path.value = [];
    this.views.clear();
    this.workflow = found.graph ?? {};
    this.showFaults(noFaults);
    if (found.graph) this.showLevel();
    else this.showDocument(fromPrompt(found.prompt ?? {}, this.infos));
    this.fit();
  }

  private showDocument(document: Document): void {
    fill(this.graph, document, this.room());
    this.wireNodes();
    this.showJob();
  }

  /** The subgraph of a name, by default the one that is shown. */
  private level(id: unknown = this.path.value.at(-1)?.definition): Definition | undefined {
    return typeof id === 'string' ? definitionsOf(this.workflow).get(id) : undefined;
  }

  private showLevel(): void {
    const all = definitionsOf(this.workflow);
    this.known = withSubgraphs(this.workflow, this.infos);
    registerSubgraphs(all.keys(), this.known);
    this.showDocument(readLevel(this.workflow, this.level(), this.known));
  }

  /** The first steps of a path that lead somewhere. */
  private still(path: Step[]): Step[] {
    const all = definitionsOf(this.workflow);
    const wrong = path.findIndex((step) => !all.has(step.definition));
    return wrong < 0 ? path : path.slice(0, wrong);
  }

  /** Goes into the subgraph that a node stands for. */
  enter(node: EaselNode): void {
    const definition = this.level(node.type);
    if (definition) this.go([...this.path.value, { node: String(node.id), definition: definition.id, title: node.title }]);
  }

  /** Goes out again until one is in as many subgraphs. */
  leave(depth: number): void {
    this.go(this.path.value.slice(0, depth));
  }

  private go(path: Step[]): void {
    this.note();
    this.views.set(this.place(), this.view());
    this.workflow = this.serialize();
    this.path.value = path;
    this.canvas.deselectAll();
    this.showLevel();
    const [scale, ...offset] = JSON.parse(this.views.get(this.place()) ?? '[]') as number[];
    if (scale === undefined) this.fit();
    else {
      this.canvas.ds.scale = scale;
      [this.canvas.ds.offset[0], this.canvas.ds.offset[1]] = offset as [number, number];
    }
    this.drawNow();
    this.past.settle(this.written());
    this.takeFocus();
  }

  /** What stands before the ids of the nodes that are shown, in the workflow that is run. */
  private prefix(): string {
    return this.path.peek().map((step) => `${step.node}:`).join('');
  }

  /** The editor's JSON, as other editors read it. */
  serialize(): Record<string, unknown> {
    return withLevel(this.workflow, this.level(), this.graph.serialize() as unknown as Raw);
  }

  /** The workflow as it is run: without subgraphs. */
  private flat(): Document {
    const live = { definition: this.level(), document: readLive(this.graph) };
    return flatDocument(this.serialize(), this.known, live);
  }

  prompt(): Prompt {
    return rewriteTexts(toPrompt(this.flat(), this.known), this.known);
  }

  /** Runs as often as is asked for, as long as nothing is refused. */
  async runAll(): Promise<void> {
    for (let left = this.count.value; left > 0; left--) if (!(await this.run())) return;
  }

  private async run(): Promise<boolean> {
    if (this.sending.value) return false;
    this.sending.value = true;
    this.showFaults(noFaults);
    let prompt: Prompt = {};
    try {
      prompt = this.prompt();
      const technique = readWorkflow(prompt, undefined, techniques.value)?.technique;
      const note = technique ? { technique: technique.name } : {};
      const extra_data = { extra_pnginfo: { workflow: this.serialize(), easel: note } };
      const id = await queueJob(prompt, extra_data);
      this.jobs.value = [...this.jobs.value, id];
      follow(id);
      this.turnSeeds();
      return true;
    } catch (error) {
      if (error instanceof HttpError && error.status === 400) this.showFaults(readFaults(error.body, prompt, () => true));
      else say(error instanceof Error ? error.message : String(error), 'bad');
    } finally {
      this.sending.value = false;
      void refreshQueue();
    }
    return false;
  }

  /** What the seeds' nodes ask for after each run. */
  private turnSeeds(): void {
    for (const node of this.graph.nodes) {
      const at = node.widgets?.findIndex((w) => w.name === AFTER) ?? -1;
      const after = node.widgets?.[at]?.value;
      const seed = node.widgets?.[at - 1];
      if (seed && after !== 'fixed') seed.value = nextSeed(Number(seed.value), after, randomSeed);
    }
    this.workflow = withNextSeeds(this.workflow, this.known, randomSeed);
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

  /** The library finds what is clicked by what was drawn: after a leap of the view or of the graph that is drawn first. */
  private drawNow(): void {
    this.canvas.draw(true, true);
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
    this.canvas.ds.scale = Math.max(LEAST_SCALE, scale);
    this.canvas.ds.offset[0] = place.clientWidth / 2 / this.canvas.ds.scale - left - width / 2;
    this.canvas.ds.offset[1] = place.clientHeight / 2 / this.canvas.ds.scale - top - height / 2;
    this.drawNow();
  }

  private find(id: string): EaselNode | undefined {
    const prefix = this.prefix();
    return this.graph.nodes.find((node: LGraphNode) => prefix + String(node.id) === id) as EaselNode | undefined;
  }

  titleOf(id: string): string {
    const here = this.find(id)?.title;
    if (here !== undefined || !id.includes(':')) return here ?? `Node ${id}`;
    const node = this.flat().nodes.find((other) => other.id === id);
    return node?.title ?? this.known[node?.type ?? '']?.display_name ?? `Node ${id}`;
  }

  /** Brings a node into view, through the subgraphs it is in. */
  goTo(id: string): void {
    if (!this.find(id)) this.go(pathTo(this.serialize(), id, this.known));
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
    const faults = failure ? { [failure.node]: [failure.words], ...this.faults.peek().nodes } : this.faults.peek().nodes;
    markFaults(this.graph.nodes as EaselNode[], this.prefix(), faults, (id) => this.titleOf(id));
    this.canvas.setDirty(true, true);
  }

  /** Shows on the nodes how the job at hand goes. */
  private showJob(): void {
    const own = this.jobs.value;
    const job = focusJob.value && own.includes(focusJob.value.id) ? focusJob.value : undefined;
    markJob(this.graph.nodes as EaselNode[], this.prefix(), job);
    const failed = job?.failure && this.flat().nodes.find((node) => node.id === job.failure!.node);
    const here = failed && job.prompt[failed.id]?.class_type === failed.type;
    this.failure.value = here ? { node: failed.id, words: job.failure!.message } : undefined;
    this.markFaults();
  }
}
