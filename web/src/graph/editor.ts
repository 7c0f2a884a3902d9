// The graph editor: the library's canvas with our nodes, and what can be done with the workflow in it.
import { LGraph, LGraphCanvas, type LGraphNode, LiteGraph } from '@comfyorg/litegraph';
import { effect, signal } from '@preact/signals';
import { HttpError } from '../api/http';
import { parseJson } from '../api/json';
import * as routes from '../api/routes';
import { clientId, randomId } from '../api/socket';
import type { Prompt } from '../api/types';
import * as compose from '../state/form/compose';
import { randomSeed, techniqueOf } from '../state/form/draft';
import { type Faults, noFaults, readFaults } from '../state/form/errors';
import { say } from '../state/notices';
import { type FoundWorkflow, isGraph } from '../state/form/restore';
import { addMine, focusJob, follow, refreshQueue } from '../state/jobs/session';
import { setView } from '../state/view';
import { AFTER, fromPrompt, type Infos, toPrompt } from './document';
import { arrange, fill, readLive, refreshPicture } from './live';
import { type EaselNode, finalSize, registerNodes, showPicture, UnknownNode } from './nodes';
import { readGraph } from './readGraph';
import { paintTheme } from './theme';
import { bindFingers } from './touch';

const KEPT = 'easel.graph';

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
  private readonly graph = new LGraph();
  private readonly canvas: LGraphCanvas;
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
    this.restoreKept();
    this.graph.onAfterChange = () => this.keep();
    const keeper = setInterval(() => this.keep(), 3000);
    this.endings.push(() => clearInterval(keeper));
    this.endings.push(effect(() => this.showJob()));
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
      if (isGraph(kept) && (kept['nodes'] as unknown[]).length > 0) return this.open({ graph: kept });
    } catch {
      // Nothing was kept that can be read.
    }
    if (Object.keys(compose.prompt.value).length > 0) this.open({ prompt: compose.prompt.value });
  }

  private keep(): void {
    localStorage.setItem(KEPT, JSON.stringify(this.serialize()));
  }

  open(found: FoundWorkflow): void {
    const graph = found.graph && readGraph(found.graph, this.infos);
    const document = graph ?? fromPrompt(found.prompt ?? {}, this.infos);
    fill(this.graph, document, this.room());
    this.showFaults(noFaults);
    this.fit();
    for (const node of this.graph.nodes as EaselNode[]) {
      node.onWidgetChanged = () => refreshPicture(node);
    }
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
    const prompt = this.prompt();
    const id = randomId();
    const technique = techniqueOf(prompt, undefined, compose.techniques.value);
    const note = technique ? { technique: technique.name } : {};
    const extra_data = { extra_pnginfo: { workflow: this.serialize(), easel: note } };
    this.sending.value = true;
    this.showFaults(noFaults);
    try {
      const answer = await routes.queuePrompt({ prompt, client_id: clientId(), prompt_id: id, extra_data });
      addMine([answer.number, answer.prompt_id, prompt, extra_data, []]);
      follow(answer.prompt_id);
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
      const after = node.widgets?.find((w) => w.name === AFTER)?.value;
      const seed = node.widgets?.find((w) => w.name === 'seed' || w.name === 'noise_seed');
      if (!seed || after === 'fixed') continue;
      const now = Number(seed.value);
      seed.value = after === 'increment' ? now + 1 : after === 'decrement' ? Math.max(0, now - 1) : randomSeed();
    }
    this.canvas.setDirty(true, true);
  }

  /** Takes the workflow into the form, when it is one of the techniques. */
  intoForm(): void {
    const prompt = this.prompt();
    if (!techniqueOf(prompt, undefined, compose.techniques.value)) {
      say('This workflow is none of the techniques, so it has no form.', 'bad');
      return;
    }
    compose.restore({ prompt });
    setView('paint');
  }

  addNode(name: string): void {
    const node = LiteGraph.createNode(name) as EaselNode | null;
    if (!node) return;
    this.graph.add(node);
    node.onWidgetChanged = () => refreshPicture(node);
    const [x, y, width, height] = this.canvas.visible_area;
    node.pos = [(x ?? 0) + (width ?? 0) / 2 - node.size[0] / 2, (y ?? 0) + (height ?? 0) / 2 - node.size[1] / 2];
    this.canvas.selectNode(node);
  }

  arrange(): void {
    arrange(this.graph, this.room());
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
    const job = focusJob.value;
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
