// What is shown on nodes of the job that runs and of what is wrong. A node's id in the workflow that is run begins with
// those of the subgraphs it is in.
import { viewAddress } from '../api/routes';
import type { Job } from '../state/jobs/jobs';
import { type EaselNode, showPicture, UnknownNode } from './nodes';

/** Progress and pictures of a job; a node that stands for a subgraph runs while anything in it does. */
export function markJob(nodes: EaselNode[], prefix: string, job: Job | undefined): void {
  for (const node of nodes) {
    const id = prefix + String(node.id);
    const same = job?.prompt[id]?.class_type === node.type;
    const within = !!node.enter && !!job?.node?.startsWith(`${id}:`);
    node.running = job?.state === 'running' && ((same && job.node === id) || within);
    const pace = node.running ? job?.pace : undefined;
    node.progress = pace && pace.max > 0 ? pace.value / pace.max : undefined;
    const image = same ? job?.outputs[id]?.images?.[0] : undefined;
    if (image?.filename) showPicture(node, viewAddress(image)); // others were sent to a client
  }
}

/** `faults`: by the ids of the workflow that is run; `titleOf` names the nodes within subgraphs. */
export function markFaults(nodes: EaselNode[], prefix: string, faults: Record<string, string[]>, titleOf: (id: string) => string): void {
  for (const node of nodes) {
    const id = prefix + String(node.id);
    const inside = node.enter ? Object.entries(faults).filter(([other]) => other.startsWith(`${id}:`)) : [];
    const words = [...(faults[id] ?? []), ...inside.flatMap(([other, list]) => list.map((w) => `${titleOf(other)}: ${w}`))];
    if (node instanceof UnknownNode) node.faults = ['The server has no such node.'];
    else node.faults = words.length > 0 ? words : undefined;
    node.has_errors = !!node.faults;
  }
}
